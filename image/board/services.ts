/** What a start does on other systems, and what is done when a card is built, or of no use where all but data is read-only. */
export const idle: readonly string[] = [
  ...['getty.target', 'systemd-hwdb-update.service', 'ldconfig.service', 'systemd-journal-catalog-update.service'],
  ...[
    'systemd-update-done.service',
    'systemd-sysusers.service',
    'systemd-random-seed.service',
    'systemd-binfmt.service',
  ],
  ...['systemd-journal-flush.service', 'systemd-remount-fs.service', 'systemd-network-generator.service'],
  ...['systemd-udev-load-credentials.service', 'systemd-machine-id-commit.service', 'systemd-firstboot.service'],
  ...[
    'systemd-networkd-persistent-storage.service',
    'systemd-ask-password-console.path',
    'systemd-ask-password-wall.path',
  ],
  ...['proc-sys-fs-binfmt_misc.automount', 'dev-hugepages.mount', 'dev-mqueue.mount', 'sys-kernel-debug.mount'],
  ...['sys-kernel-tracing.mount', 'sys-fs-fuse-connections.mount', 'modprobe@drm.service', 'modprobe@fuse.service'],
]

/** What is ours on a card beside the unit's package. */
export const programs: readonly string[] = ['setup', 'report', 'bootloader', 'boot-words', 'health']
export const units: readonly string[] = [
  ...['trustmix-board.service', 'trustmix-report.service', 'trustmix-health.service'],
  ...['trustmix-update.path', 'trustmix-update.service'],
]
/** Programs that look, at each start, for what a card does not have; what they would find is known when it is built. */
export const idleGenerators = 'fstab getty gpt-auto hibernate-resume rc-local ssh system-update sysv tpm2'.split(' ')

/** Nobody can log in where there is no SSH. */
export const logins: readonly string[] = ['systemd-logind.service', 'systemd-user-sessions.service']
