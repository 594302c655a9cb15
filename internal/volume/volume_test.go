package volume_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

func TestPackUnpack(t *testing.T) {
	files := map[string][]byte{
		"a.txt": []byte("a"), "empty": {}, "deep/er/b.txt": []byte("b"), "deep/c": bytes.Repeat([]byte("c"), 100_000), "ünïcode": []byte("d"),
		strings.Repeat("long/", 60) + "name": []byte("e"),
	}
	for _, folder := range []string{"/volume", "volume/", "volume"} {
		unpacked, err := volume.Unpack(volume.Pack(folder, volume.Owner, files))
		if err != nil {
			t.Fatal(err)
		}
		if !maps.EqualFunc(files, unpacked, bytes.Equal) {
			t.Errorf("%s: packed %d files, unpacked %d", folder, len(files), len(unpacked))
		}
	}
}

// TestPackOrder shows that every folder comes before what it holds, once, and belongs to the owner.
func TestPackOrder(t *testing.T) {
	archive := tar.NewReader(volume.Pack("/volume", 1234, map[string][]byte{"b/2": nil, "b/1": nil, "a": nil}))
	var names []string
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 1234 || header.Gid != 1234 {
			t.Errorf("%s belongs to %d:%d", header.Name, header.Uid, header.Gid)
		}
		if folder := strings.HasSuffix(header.Name, "/"); folder != (header.Mode == 0o755) {
			t.Errorf("%s has mode %o", header.Name, header.Mode)
		}
		names = append(names, header.Name)
	}
	if got := strings.Join(names, " "); got != "volume/ volume/a volume/b/ volume/b/1 volume/b/2" {
		t.Errorf("packed %s", got)
	}
}

func TestUnpackBroken(t *testing.T) {
	whole, err := io.ReadAll(volume.Pack("volume", 0, map[string][]byte{"a": bytes.Repeat([]byte("a"), 4096)}))
	if err != nil {
		t.Fatal(err)
	}
	if files, err := volume.Unpack(bytes.NewReader(whole[:2048])); err == nil {
		t.Errorf("half an archive was taken for %v", files)
	}
}

func TestWrite(t *testing.T) {
	on := enginetest.New()
	if err := volume.Write(t.Context(), on, "data", 1000, map[string][]byte{"site/index.html": []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	want := map[string]enginetest.File{
		"": {Owner: 1000, Folder: true}, "site": {Owner: 1000, Folder: true}, "site/index.html": {Content: "hello", Owner: 1000},
	}
	if got := on.Files("data"); !maps.Equal(got, want) {
		t.Errorf("the volume holds %v", got)
	}
	if started := on.Calls("StartContainer"); started != 0 {
		t.Error("code ran on the host")
	}
	wantNoHelper(t, on)
	if err := volume.Write(t.Context(), on, "data", 1000, nil); err != nil {
		t.Fatal(err)
	}
	if imports := on.Calls("ImportImage"); imports != 1 {
		t.Errorf("the helper image was made %d times", imports)
	}
}

func wantNoHelper(t *testing.T, on *enginetest.Engine) {
	t.Helper()
	if left, err := on.Containers(context.WithoutCancel(t.Context()), nil); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWithRemovesItsHelper(t *testing.T) {
	broken := errors.New("the disk is full")
	t.Run("when the use fails", func(t *testing.T) {
		on := enginetest.New()
		err := volume.With(t.Context(), on, "data", func(context.Context, string) error { return broken })
		if !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		wantNoHelper(t, on)
	})
	t.Run("when the caller is interrupted", func(t *testing.T) {
		on := enginetest.New()
		ctx, cancel := context.WithCancel(t.Context())
		err := volume.With(ctx, on, "data", func(ctx context.Context, container string) error {
			cancel()
			return on.WriteArchive(ctx, container, "/", volume.Pack(volume.Root, 0, map[string][]byte{"a": nil}))
		})
		if _, written := on.Files("data")["a"]; err != nil || !written {
			t.Errorf("what had begun was not finished: %v", err)
		}
		wantNoHelper(t, on)
	})
	t.Run("and says when it cannot", func(t *testing.T) {
		on := enginetest.New()
		on.Before = func(call, _ string) error {
			if call == "RemoveContainer" {
				return engine.ErrUnavailable
			}
			return nil
		}
		err := volume.With(t.Context(), on, "data", func(context.Context, string) error { return broken })
		if !errors.Is(err, broken) || !errors.Is(err, engine.ErrUnavailable) {
			t.Errorf("got %v, want both failures", err)
		}
	})
}

func TestWithNamesTheVolume(t *testing.T) {
	on := enginetest.New()
	on.Before = func(call, _ string) error {
		if call == "CreateContainer" {
			return engine.ErrUnavailable
		}
		return nil
	}
	err := volume.With(t.Context(), on, "data", func(context.Context, string) error { t.Error("used"); return nil })
	if !errors.Is(err, engine.ErrUnavailable) || !strings.Contains(err.Error(), "volume data") {
		t.Errorf("got %v", err)
	}
}
