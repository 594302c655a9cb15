package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

func TestAccContainerStates(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	id := b.create(b.spec("c"))
	for _, step := range []struct {
		does func() error
		want engine.State
	}{
		{func() error { return nil }, engine.StateCreated},
		{func() error { return b.on.StartContainer(ctx, id) }, engine.StateRunning},
		{func() error { return b.on.StartContainer(ctx, id) }, engine.StateRunning},
		{func() error { return b.on.PauseContainer(ctx, id) }, engine.StatePaused},
		{func() error { return b.on.UnpauseContainer(ctx, id) }, engine.StateRunning},
		{func() error { return b.on.StopContainer(ctx, id, time.Second) }, engine.StateExited},
		{func() error { return b.on.StopContainer(ctx, id, time.Second) }, engine.StateExited},
	} {
		b.must(step.does())
		if got := b.inspect(id); got.State != step.want {
			t.Errorf("the container is %s, want %s", got.State, step.want)
		}
		if listed, err := b.on.Containers(ctx, b.labels); err != nil || len(listed) != 1 || listed[0].ID != id {
			t.Errorf("while it is %s, the list is %+v, %v", step.want, listed, err)
		}
	}
}

func TestAccUpdateLimits(t *testing.T) {
	b := newBench(t)
	spec := b.spec("c")
	spec.Limits = engine.Limits{CPUs: 0.5, Memory: 64 << 20, Pids: 32, Shm: 1 << 20}
	id := b.start(spec)
	for _, limits := range []engine.Limits{{CPUs: 1, Memory: 128 << 20, Pids: 64}, {CPUs: 0.25, Memory: 32 << 20, Pids: 16}} {
		b.must(b.on.UpdateLimits(t.Context(), id, limits))
		limits.Shm = 1 << 20
		if got := b.inspect(id); got.Spec.Limits != limits || len(got.Unexpected) > 0 {
			t.Errorf("got %+v, %q; want %+v", got.Spec.Limits, got.Unexpected, limits)
		}
	}
}

func TestAccExec(t *testing.T) {
	b := newBench(t)
	id := b.start(b.spec("c"))
	result, err := b.on.Exec(t.Context(), id, []string{"sh", "-c", "echo out; echo err >&2; exit 3"})
	if b.must(err); result.ExitCode != 3 || !strings.Contains(result.Output, "out\n") || !strings.Contains(result.Output, "err\n") {
		t.Errorf("got %+v", result)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begun := time.Now()
	if _, err := b.on.Exec(ctx, id, []string{"sleep", "60"}); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 20*time.Second {
		t.Errorf("given up after %s with %v", time.Since(begun), err)
	}
}

func TestAccLogs(t *testing.T) {
	b := newBench(t)
	spec := b.spec("c")
	spec.Command = []string{"sh", "-c", "echo one; echo two >&2; echo three"}
	id := b.start(spec)
	log, err := b.on.FollowLogs(t.Context(), id, time.Time{})
	b.must(err)
	defer log.Close()
	whole, err := io.ReadAll(log) // ends with the container
	b.must(err)
	for _, line := range []string{"one\n", "two\n", "three\n"} {
		if !strings.Contains(string(whole), line) {
			t.Errorf("the log %q lacks %q", whole, line)
		}
	}
	if len(whole) != len("one\ntwo\nthree\n") {
		t.Errorf("the log is not plain text: %q", whole)
	}
	if last, err := b.on.Logs(t.Context(), id, 1); err != nil || strings.Count(last, "\n") != 1 {
		t.Errorf("the last line is %q, %v", last, err)
	}
	later, err := b.on.FollowLogs(t.Context(), id, time.Now().Add(time.Hour))
	b.must(err)
	defer later.Close()
	if text, err := io.ReadAll(later); err != nil || len(text) > 0 {
		t.Errorf("what comes later is %q, %v", text, err)
	}
}

func TestAccEvents(t *testing.T) {
	b := newBench(t)
	other := b.create(b.spec("other"))
	spec := b.spec("c")
	spec.Command = []string{"sh", "-c", "exit 7"}
	id := b.create(spec)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	events, failures := b.on.Events(ctx, id)
	// The subscription is there when Events returns. What happens to another container must not come through.
	b.must(b.on.StartContainer(ctx, other))
	b.must(b.on.StartContainer(ctx, id))
	for {
		select {
		case event := <-events:
			if event.ContainerID != id {
				t.Errorf("told of %+v", event)
			}
			if event.Action == "die" {
				if event.ExitCode != "7" {
					t.Errorf("died with %q", event.ExitCode)
				}
				return
			}
		case err := <-failures:
			t.Fatal(err)
		case <-ctx.Done():
			t.Fatal("nobody told of the end")
		}
	}
}

func TestAccArchive(t *testing.T) {
	b := newBench(t)
	spec := b.spec("c")
	spec.Mounts = []engine.Mount{{Volume: b.volume("v"), Path: "/data"}}
	id := b.create(spec)
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	b.must(writer.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "data/", Mode: 0o750, Uid: 1000, Gid: 1001}))
	b.must(writer.WriteHeader(&tar.Header{Name: "data/file", Mode: 0o640, Uid: 1002, Gid: 1003, Size: 5}))
	_, err := writer.Write([]byte("hello"))
	b.must(err)
	b.must(writer.Close())
	b.must(b.on.WriteArchive(t.Context(), id, "/", &packed))

	archive, err := b.on.ReadArchive(t.Context(), id, "/data")
	b.must(err)
	defer archive.Close()
	reader := tar.NewReader(archive)
	for _, want := range []struct {
		name     string
		mode     int64
		uid, gid int
	}{{"data/", 0o750, 1000, 1001}, {"data/file", 0o640, 1002, 1003}} {
		header, err := reader.Next()
		b.must(err)
		if header.Name != want.name || header.Mode&0o777 != want.mode || header.Uid != want.uid || header.Gid != want.gid {
			t.Errorf("got %s, mode %o, owner %d:%d; want %+v", header.Name, header.Mode, header.Uid, header.Gid, want)
		}
	}
	if content, err := io.ReadAll(reader); err != nil || string(content) != "hello" {
		t.Errorf("read %q, %v", content, err)
	}
}

// TestAccRemoveTogether removes a running container from many sides: everybody waits until it is gone.
func TestAccRemoveTogether(t *testing.T) {
	b := newBench(t)
	id := b.start(b.spec("c"))
	group, ctx := errgroup.WithContext(t.Context())
	for range 8 {
		group.Go(func() error {
			if err := b.on.RemoveContainer(ctx, id); err != nil {
				return err
			}
			if _, err := b.on.Container(ctx, id); !errors.Is(err, engine.ErrNotFound) {
				return errors.New("removed, and still there")
			}
			return nil
		})
	}
	b.must(group.Wait())
}

// TestAccRemoveUnderReaders removes containers whose archives others are reading just then.
func TestAccRemoveUnderReaders(t *testing.T) {
	b := newBench(t)
	for range 8 {
		id := b.start(b.spec("c"))
		var readers errgroup.Group
		for range 4 {
			readers.Go(func() error {
				for {
					archive, err := b.on.ReadArchive(t.Context(), id, "/etc")
					if errors.Is(err, engine.ErrNotFound) {
						return nil
					}
					if err != nil {
						continue // It is on its way out.
					}
					_, _ = io.CopyN(io.Discard, archive, 1<<20)
					_ = archive.Close()
				}
			})
		}
		b.must(b.on.RemoveContainer(t.Context(), id))
		b.must(readers.Wait())
		if _, err := b.on.Container(t.Context(), id); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("after the removal: %v", err)
		}
	}
}

func TestAccVolumeKeepsItsLabels(t *testing.T) {
	b := newBench(t)
	name := b.volume("v")
	again, err := b.on.CreateVolume(t.Context(), name, map[string]string{"other": "label"})
	if b.must(err); again.Labels[labelOfTest] != b.id || again.Labels["other"] != "" {
		t.Errorf("the second creation answered %v", again.Labels)
	}
}

// TestAccSnapshotShowsOwnChanges takes a snapshot right after each change made through the same connection.
func TestAccSnapshotShowsOwnChanges(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	holds := func() (container, network, volume bool, state engine.State) {
		snapshot, err := b.on.Snapshot(ctx)
		b.must(err)
		for _, item := range snapshot.Containers {
			if item.Labels[labelOfTest] == b.id {
				container, state = true, item.State
			}
		}
		network = slices.ContainsFunc(snapshot.Networks, func(n engine.Network) bool { return n.Labels[labelOfTest] == b.id })
		volume = slices.ContainsFunc(snapshot.Volumes, func(v engine.Volume) bool { return v.Labels[labelOfTest] == b.id })
		return container, network, volume, state
	}
	if container, network, volume, _ := holds(); container || network || volume {
		t.Fatal("the test's objects are there already")
	}
	made := b.network("n", true)
	if _, network, _, _ := holds(); !network {
		t.Error("a new network is missing")
	}
	name := b.volume("v")
	if _, _, volume, _ := holds(); !volume {
		t.Error("a new volume is missing")
	}
	id := b.create(b.spec("c", engine.Endpoint{Network: made.ID}))
	if container, _, _, state := holds(); !container || state != engine.StateCreated {
		t.Errorf("a new container is %q", state)
	}
	b.must(b.on.StartContainer(ctx, id))
	if _, _, _, state := holds(); state != engine.StateRunning {
		t.Errorf("a started container is %q", state)
	}
	b.must(b.on.RemoveContainer(ctx, id))
	b.must(b.on.RemoveNetwork(ctx, made.ID))
	b.must(b.on.RemoveVolume(ctx, name))
	if container, network, volume, _ := holds(); container || network || volume {
		t.Errorf("still there: container %v, network %v, volume %v", container, network, volume)
	}
}
