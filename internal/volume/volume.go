// Package volume reads and writes the files of named volumes without running any code on the host: a container that
// mounts the volume is created, never started, used through the engine's archive calls, and removed again.
package volume

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Creator is the part of an engine that makes containers out of helper images.
type Creator interface {
	CreateContainer(ctx context.Context, spec engine.ContainerSpec) (string, error)
	ImportImage(ctx context.Context, ref string, image io.Reader) error
}

// Engine is what this package needs of one.
type Engine interface {
	Creator
	RemoveContainer(ctx context.Context, id string) error
	ReadArchive(ctx context.Context, containerID, path string) (io.ReadCloser, error)
	WriteArchive(ctx context.Context, containerID, path string, archive io.Reader) error
}

// Root is where a helper container mounts the volume.
const Root = "/volume"

// Owner is the user and group id that project containers run as.
const Owner = 1000

// Image is the helper image: an empty one, made on the engine where it is missing.
const Image = "isolab-helper/empty:1"

// useTimeout bounds what is done with a helper container.
const useTimeout = time.Minute

// With mounts a volume at [Root] of a helper container of its own and calls use with the container's id. The container is
// removed whatever happens. use is not interrupted with the caller, only after a minute: engines before 24 empty the
// volumes of a container that is removed while a call for an archive of it arrives (the call mounts them below the folder
// that the engine is deleting). For the same reason nobody else may use the container.
func With(ctx context.Context, on Engine, volume string, use func(ctx context.Context, container string) error) (err error) {
	id, err := Keep(ctx, on, "isolab-helper_"+rand.Text(), volume, nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), useTimeout)
	defer cancel()
	defer func() {
		// The helper must go even when the time is up.
		if removal := on.RemoveContainer(context.WithoutCancel(ctx), id); removal != nil {
			err = errors.Join(err, fmt.Errorf("remove the helper container of volume %s: %w", volume, removal))
		}
	}()
	return use(ctx, id)
}

// Keep mounts a volume at [Root] of a helper container that stays until the volume is given up with [Sweep], and answers
// with its id. It is for volumes that many read at any time: the containers that use the volume may then come and go.
func Keep(ctx context.Context, on Creator, name, volume string, labels map[string]string) (string, error) {
	id, err := Create(ctx, on, engine.ContainerSpec{
		Name:   name,
		Labels: naming.Labels(labels, map[string]string{naming.LabelRole: naming.RoleHelper, naming.LabelVolume: volume}),
		Mounts: []engine.Mount{{Volume: volume, Path: Root}},
	})
	if err != nil {
		return "", fmt.Errorf("mount volume %s into a helper container: %w", volume, err)
	}
	return id, nil
}

// Write puts files into a volume and gives the volume's root and everything written to owner (user and group id). File
// names are relative to the volume's root, with slashes. Without files it sets the owner of the root alone.
func Write(ctx context.Context, on Engine, volume string, owner int, files map[string][]byte) error {
	return With(ctx, on, volume, func(ctx context.Context, container string) error {
		return on.WriteArchive(ctx, container, "/", Pack(Root, owner, files))
	})
}

// Remover is the part of an engine that finds and removes helper containers.
type Remover interface {
	Containers(ctx context.Context, labels map[string]string) ([]engine.ContainerSummary, error)
	RemoveContainer(ctx context.Context, id string) error
}

// Sweep removes the helper containers of a volume that processes left behind when they were killed. It is for volumes
// that nobody works on any more.
func Sweep(ctx context.Context, on Remover, volume string) error {
	helpers, err := on.Containers(ctx, map[string]string{naming.LabelRole: naming.RoleHelper, naming.LabelVolume: volume})
	if err != nil {
		return fmt.Errorf("find the helper containers of volume %s: %w", volume, err)
	}
	for _, helper := range helpers {
		if err := on.RemoveContainer(ctx, helper.ID); err != nil {
			return err
		}
	}
	return nil
}

// Remove removes a volume that nobody works on any more, and the helper containers that would hold it.
func Remove(ctx context.Context, on interface {
	Remover
	RemoveVolume(ctx context.Context, name string) error
}, volume string,
) error {
	if err := Sweep(ctx, on, volume); err != nil {
		return err
	}
	return on.RemoveVolume(ctx, volume)
}

// Create makes a container out of the helper image and answers with its id; it is never to be started. The image is
// imported first where the engine does not hold it.
func Create(ctx context.Context, on Creator, spec engine.ContainerSpec) (string, error) {
	spec.Image, spec.Command = Image, []string{"never-started"}
	id, err := on.CreateContainer(ctx, spec)
	if !errors.Is(err, engine.ErrNotFound) {
		return id, err
	}
	if err := on.ImportImage(ctx, Image, tape(nil)); err != nil {
		return "", fmt.Errorf("make the helper image %s: %w", Image, err)
	}
	return on.CreateContainer(ctx, spec)
}

// Pack makes a tar archive of files below a folder, with the folders between, all owned by owner (user and group id).
func Pack(folder string, owner int, files map[string][]byte) io.Reader {
	prefix := ""
	if trimmed := strings.Trim(folder, "/"); trimmed != "" {
		prefix = trimmed + "/"
	}
	var headers []entry
	made := map[string]bool{}
	parents := func(path string) {
		for i, char := range path {
			if dir := path[:i]; char == '/' && !made[dir] {
				made[dir] = true
				headers = append(headers, entry{tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, Uid: owner, Gid: owner}, nil})
			}
		}
	}
	parents(prefix)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		parents(prefix + name)
		headers = append(headers, entry{tar.Header{
			Typeflag: tar.TypeReg, Name: prefix + name, Mode: 0o644, Size: int64(len(files[name])), Uid: owner, Gid: owner,
		}, files[name]})
	}
	return tape(headers)
}

type entry struct {
	header  tar.Header
	content []byte
}

// tape writes a tar archive into memory. That fails only for a header that cannot be encoded, which is our own mistake.
func tape(entries []entry) io.Reader {
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	for _, item := range entries {
		if err := archive.WriteHeader(&item.header); err != nil {
			panic(err)
		}
		_, _ = archive.Write(item.content)
	}
	_ = archive.Close()
	return &buffer
}

// Unpack reads the regular files of a tar archive, without the name of the folder that the engine puts first.
func Unpack(archive io.Reader) (map[string][]byte, error) {
	files := map[string][]byte{}
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the archive: %w", err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			return nil, fmt.Errorf("read %s from the archive: %w", header.Name, err)
		}
		files[withoutFirst(header.Name)] = content
	}
}

// withoutFirst drops the first part of a path: the engine's archive of "/volume/routes" starts with "routes/".
func withoutFirst(path string) string {
	if _, rest, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/"); ok {
		return rest
	}
	return path
}
