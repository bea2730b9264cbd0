import { connect } from 'node:net'

/** A connection of a guest, which QEMU gives to a program's stdin and stdout, to the one port of this machine that it may reach. */
const socket = connect(Number(process.argv[2]), '127.0.0.1')
process.stdin.pipe(socket).pipe(process.stdout)
for (const stream of [socket, process.stdin, process.stdout]) stream.on('error', () => process.exit())
socket.on('close', () => process.exit())
process.stdin.on('end', () => socket.end())
