import { TYPE_COMPOUND, TYPE_DOUBLE, TYPE_INTEGER, TYPE_STRING } from './constants.ts'
import { SumoError } from './errors.ts'

/** Bytes of the int32 with which a message tells its length. */
export const HEADER_BYTES = 4

/** Builds one message of several commands, big-endian, in a buffer that is used again for the next message. */
export class StorageWriter {
  #buffer = Buffer.allocUnsafe(4096)
  #length = HEADER_BYTES
  #commandStart = 0

  /** Starts the next message. The bytes of the last one are no longer valid. */
  clear(): void {
    this.#length = HEADER_BYTES
  }

  /** The message with its length in front; valid until `clear`. */
  message(): Buffer {
    this.#buffer.writeInt32BE(this.#length, 0)
    return this.#buffer.subarray(0, this.#length)
  }

  beginCommand(id: number): void {
    this.#commandStart = this.#length
    this.writeUnsignedByte(0)
    this.writeUnsignedByte(id)
  }

  /** Fills in the length of the command: one byte, or 0 and an int32 where a byte is too small. */
  endCommand(): void {
    const start = this.#commandStart
    const length = this.#length - start
    if (length <= 255) {
      this.#buffer[start] = length
      return
    }
    this.#reserve(4)
    this.#buffer.copyWithin(start + 5, start + 1, this.#length)
    this.#length += 4
    this.#buffer.writeInt32BE(length + 4, start + 1)
  }

  writeUnsignedByte(value: number): void {
    this.#reserve(1)
    this.#buffer[this.#length++] = value
  }

  writeInteger(value: number): void {
    this.#reserve(4)
    this.#length = this.#buffer.writeInt32BE(value, this.#length)
  }

  writeDouble(value: number): void {
    this.#reserve(8)
    this.#length = this.#buffer.writeDoubleBE(value, this.#length)
  }

  writeString(value: string): void {
    this.writeInteger(value.length)
    this.#reserve(value.length)
    this.#length += this.#buffer.write(value, this.#length, 'latin1')
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#length + bytes))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}

/** Reads one message without its header. Reading past its end throws a `SumoError`, never returns rubbish. */
export class StorageReader {
  readonly #buffer: Buffer
  #offset = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#buffer.length - this.#offset
  }

  /** Throws where bytes are left after all that was asked for. */
  expectEnd(): void {
    if (this.remaining > 0)
      throw new SumoError(`a TraCI message must end with the last answer, got ${this.remaining} bytes more`)
  }

  readUnsignedByte(): number {
    return this.#buffer.readUInt8(this.#advance(1))
  }

  readInteger(): number {
    return this.#buffer.readInt32BE(this.#advance(4))
  }

  readDouble(): number {
    return this.#buffer.readDoubleBE(this.#advance(8))
  }

  readString(): string {
    const length = this.readInteger()
    const start = this.#advance(length)
    return this.#buffer.toString('latin1', start, start + length)
  }

  readTypedInteger(): number {
    this.#expectType(TYPE_INTEGER)
    return this.readInteger()
  }

  readTypedDouble(): number {
    this.#expectType(TYPE_DOUBLE)
    return this.readDouble()
  }

  readTypedString(): string {
    this.#expectType(TYPE_STRING)
    return this.readString()
  }

  /** Returns the number of items that follow. */
  readCompound(): number {
    this.#expectType(TYPE_COMPOUND)
    return this.readInteger()
  }

  /** Length of the command that starts here, its own length bytes included. */
  readCommandLength(): number {
    const length = this.readUnsignedByte()
    return length === 0 ? this.readInteger() : length
  }

  #expectType(type: number): void {
    const found = this.readUnsignedByte()
    if (found !== type) {
      throw new SumoError(`a TraCI value must be of type ${type}, got ${found} at byte ${this.#offset - 1}`)
    }
  }

  #advance(bytes: number): number {
    const start = this.#offset
    if (bytes < 0 || bytes > this.#buffer.length - start) {
      throw new SumoError(
        `a TraCI message must hold what it announces: ${bytes} bytes at ${start}, got ${this.#buffer.length - start}`,
      )
    }
    this.#offset = start + bytes
    return start
  }
}
