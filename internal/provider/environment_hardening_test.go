package provider

import (
	"strings"
	"testing"
)

// bound is an environment with small limits that does nothing by itself.
const bound = plain + `
resource "isolab_environment" "dev" {
  project = isolab_project.shop
  name    = "dev"
  kind    = "development"
  image   = "` + busybox + `"
  command = ["sleep", "3600"]
  limits  = { cpus = 0.2, memory = "32MiB", pids = 24 }
}
`

// TestAccHardening reads what holds from inside the container, not from its configuration.
func TestAccHardening(t *testing.T) {
	b := onEngine(t)
	container := b.container("shop", "dev")
	b.test(b.applied(bound, seen(func() error {
		b.unprivileged(container)
		b.unwritable(container)
		b.separate(container)
		b.boundCPU(container)
		b.boundMemory(container)
		b.boundProcesses(container)
		return nil
	})))
}

func (b *bench) unprivileged(container string) {
	b.Helper()
	if user := b.succeeds(container, "id -u; id -g"); user != "1000\n1000" {
		b.Errorf("user and group are %q", user)
	}
	held := map[string]string{}
	// Process 1, not the one that exec starts: that is the one that keeps running.
	for line := range strings.Lines(b.succeeds(container, "cat /proc/1/status")) {
		key, value, _ := strings.Cut(line, ":")
		held[key] = strings.TrimSpace(value)
	}
	const none = "0000000000000000"
	for key, want := range map[string]string{
		"CapInh": none, "CapPrm": none, "CapEff": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2",
	} {
		if held[key] != want {
			b.Errorf("%s of process 1 is %q, want %s", key, held[key], want)
		}
	}
	b.fails(container, "mount -t tmpfs none /home", "ermi") // "permission denied" or "Operation not permitted"
	b.fails(container, "chroot /home", "ermi")
	b.fails(container, "chown 0 /tmp", "ermi")
}

func (b *bench) unwritable(container string) {
	b.Helper()
	for _, path := range []string{"/new", "/etc/new", "/home/new", "/bin/new"} {
		b.fails(container, "touch "+path, "Read-only file system")
	}
	b.succeeds(container, "cp /bin/busybox /tmp/busybox && chmod +x /tmp/busybox")
	b.fails(container, "/tmp/busybox true", "Permission denied")
	b.succeeds(container, "rm /tmp/busybox")
	// The control: the workspace of a development environment is for programs.
	b.succeeds(container, "cp /bin/busybox /workspace/busybox && /workspace/busybox true")
}

func (b *bench) separate(container string) {
	b.Helper()
	b.succeeds(container, "test ! -e /var/run/docker.sock && test ! -e /run/docker.sock")
	if devices := b.succeeds(container, "find /dev -type b"); devices != "" {
		b.Errorf("the container sees the host's block devices: %s", devices)
	}
	standard := "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero"
	if devices := strings.Join(strings.Fields(b.succeeds(container, "ls /dev")), " "); devices != standard {
		b.Errorf("/dev holds %s, want %s", devices, standard)
	}
	// A process namespace of its own: process 1 is the reaper, and nothing of the host is in sight.
	if processes := b.succeeds(container, "ls -d /proc/[0-9]* | wc -l"); processes > "9" || len(processes) > 1 {
		b.Errorf("the container sees %s processes", processes)
	}
}

// boundCPU burns on all CPUs until the kernel has made the container wait for its share: at once on an idle machine,
// and on a busy one as soon as it gets a tenth of each CPU for three periods of 100 ms.
func (b *bench) boundCPU(container string) {
	b.Helper()
	const burn = `throttled() { sed -n 's/^nr_throttled //p' /sys/fs/cgroup/cpu/cpu.stat /sys/fs/cgroup/cpu.stat 2>/dev/null; }
		enough=$(($(throttled) + 3))
		for i in 1 2 3 4; do timeout 60 sh -c 'while :; do :; done' & done
		for i in $(seq 50); do
			[ $(throttled) -ge $enough ] && break
			sleep 1
		done
		kill $(jobs -p)
		[ $(throttled) -ge $enough ] || { echo "throttled $(throttled) times, not $enough"; exit 1; }`
	b.succeeds(container, burn)
}

// boundMemory fills a buffer that fits, and one that does not.
func (b *bench) boundMemory(container string) {
	b.Helper()
	b.succeeds(container, "dd if=/dev/zero of=/dev/null bs=8M count=1")
	if output := b.succeeds(container, "dd if=/dev/zero of=/dev/null bs=128M count=1; echo ended with $?"); !strings.Contains(output, "ended with 137") {
		b.Errorf("128 MiB in a container of 32 MiB: %s", output)
	}
}

// boundProcesses comes last, since its processes stay for a while.
func (b *bench) boundProcesses(container string) {
	b.Helper()
	b.succeeds(container, "for i in 1 2 3 4 5; do sleep 1 & done")
	b.fails(container, "for i in $(seq 40); do sleep 20 & done", "can't fork")
}
