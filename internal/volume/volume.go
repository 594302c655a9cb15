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

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// Engine is what this package needs of one.
type Engine interface {
	CreateContainer(ctx context.Context, spec engine.ContainerSpec) (string, error)
	RemoveContainer(ctx context.Context, id string) error
	ImportImage(ctx context.Context, ref string, image io.Reader) error
	ReadArchive(ctx context.Context, containerID, path string) (io.ReadCloser, error)
	WriteArchive(ctx context.Context, containerID, path string, archive io.Reader) error
}

// Root is where a helper container mounts the volume.
const Root = "/volume"

// Helper names a helper image and knows how to make it where the engine does not hold it.
type Helper struct {
	Ref   string
	Files map[string][]byte // below [Root], owned by [Owner]; must hold at least one file if ownership matters
}

// Owner is the user and group id of every file written: the one that project containers run as.
const Owner = 1000

// empty is the helper image for volumes whose content is not its business.
var empty = Helper{Ref: "isolab-helper/empty:1"}

// With mounts a volume into a helper container and calls use with the container's id. A volume that is empty is first
// filled by the engine with the helper image's files and their ownership. The container is removed whatever happens.
func With(ctx context.Context, on Engine, volume string, helper *Helper, use func(container string) error) (err error) {
	if helper == nil {
		helper = &empty
	}
	spec := engine.ContainerSpec{
		Name:    "isolab-helper_" + rand.Text(),
		Image:   helper.Ref,
		Command: []string{"never-started"},
		Labels:  map[string]string{naming.LabelRole: naming.RoleHelper},
		Mounts:  []engine.Mount{{Volume: volume, Path: Root}},
	}
	id, err := on.CreateContainer(ctx, spec)
	if errors.Is(err, engine.ErrNotFound) {
		if err := on.ImportImage(ctx, helper.Ref, Pack(Root, helper.Files)); err != nil {
			return fmt.Errorf("make the helper image %s: %w", helper.Ref, err)
		}
		id, err = on.CreateContainer(ctx, spec)
	}
	if err != nil {
		return fmt.Errorf("mount volume %s into a helper container: %w", volume, err)
	}
	defer func() {
		// The helper must go even when the caller was interrupted.
		if removal := on.RemoveContainer(context.WithoutCancel(ctx), id); removal != nil {
			err = errors.Join(err, fmt.Errorf("remove the helper container of volume %s: %w", volume, removal))
		}
	}()
	if use == nil {
		return nil
	}
	return use(id)
}

// Pack makes a tar archive of files below a folder, all owned by [Owner]. File names are relative to the folder, with
// slashes; the folders between are made as well.
func Pack(folder string, files map[string][]byte) io.Reader {
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	made := map[string]bool{}
	add := func(header tar.Header, content []byte) {
		header.Uid, header.Gid = Owner, Owner
		// Writing into memory fails only for a header that cannot be encoded, which a path of ours never is.
		if err := archive.WriteHeader(&header); err != nil {
			panic(err)
		}
		_, _ = archive.Write(content)
	}
	parents := func(path string) {
		for i, char := range path {
			if dir := path[:i]; char == '/' && dir != "" && !made[dir] {
				made[dir] = true
				add(tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755}, nil)
			}
		}
	}
	prefix := ""
	if trimmed := strings.Trim(folder, "/"); trimmed != "" {
		prefix = trimmed + "/"
		parents(prefix)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		parents(prefix + name)
		add(tar.Header{Typeflag: tar.TypeReg, Name: prefix + name, Mode: 0o644, Size: int64(len(files[name]))}, files[name])
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
