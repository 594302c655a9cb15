package enginetest

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// File is a file or folder of a volume.
type File struct {
	Content string
	Owner   int // user and group id
	Folder  bool
}

type volume struct {
	engine.Volume
	files map[string]File // by path relative to the root, which is ""
}

// Volumes lists what carries the labels.
func (e *Engine) Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error) {
	if err := e.begin(ctx, "Volumes", ""); err != nil {
		return nil, err
	}
	defer e.lock.Unlock()
	return e.listVolumes(labels), nil
}

func (e *Engine) listVolumes(labels map[string]string) []engine.Volume {
	var list []engine.Volume
	for _, item := range sorted(e.volumes) {
		if carries(item.Labels, labels) {
			list = append(list, item.Volume)
		}
	}
	return list
}

// CreateVolume answers with the volume of that name, new or old, and its labels.
func (e *Engine) CreateVolume(ctx context.Context, name string, labels map[string]string) (engine.Volume, error) {
	if err := e.begin(ctx, "CreateVolume", name); err != nil {
		return engine.Volume{}, err
	}
	defer e.lock.Unlock()
	return e.volume(name, labels).Volume, nil
}

func (e *Engine) volume(name string, labels map[string]string) *volume {
	if e.volumes[name] == nil {
		e.volumes[name] = &volume{engine.Volume{Name: name, Labels: maps.Clone(labels)}, map[string]File{"": {Folder: true}}}
	}
	return e.volumes[name]
}

// RemoveVolume refuses while a container, running or not, mounts the volume.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	if err := e.begin(ctx, "RemoveVolume", name); err != nil {
		return err
	}
	defer e.lock.Unlock()
	for _, container := range e.containers {
		if slices.ContainsFunc(container.Spec.Mounts, func(m engine.Mount) bool { return m.Volume == name }) {
			return fmt.Errorf("remove volume %s: %w: container %s uses it", name, engine.ErrConflict, container.Spec.Name)
		}
	}
	delete(e.volumes, name)
	return nil
}

// Files are the files and folders of a volume; nil when there is no such volume.
func (e *Engine) Files(name string) map[string]File {
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.volumes[name] == nil {
		return nil
	}
	return maps.Clone(e.volumes[name].files)
}

// WriteArchive unpacks what lies below a mounted volume, and files into the container itself.
func (e *Engine) WriteArchive(ctx context.Context, containerID, folder string, archive io.Reader) error {
	if err := e.begin(ctx, "WriteArchive", containerID); err != nil {
		return err
	}
	defer e.lock.Unlock()
	container, err := e.find(containerID)
	if err != nil {
		return err
	}
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("write to container %s: %w", containerID, err)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			return err
		}
		at := path.Join("/", folder, header.Name)
		e.files[container.ID+at] = File{Content: string(content)}
		for _, mount := range container.Spec.Mounts {
			if name, ok := strings.CutPrefix(at+"/", mount.Path+"/"); ok {
				file := File{Content: string(content), Owner: header.Uid, Folder: header.Typeflag == tar.TypeDir}
				e.volume(mount.Volume, nil).files[strings.TrimSuffix(name, "/")] = file
			}
		}
	}
}

// ReadArchive packs a mounted volume as a whole.
func (e *Engine) ReadArchive(ctx context.Context, containerID, folder string) (io.ReadCloser, error) {
	if err := e.begin(ctx, "ReadArchive", containerID); err != nil {
		return nil, err
	}
	defer e.lock.Unlock()
	container, err := e.find(containerID)
	if err != nil {
		return nil, err
	}
	for _, mount := range container.Spec.Mounts {
		if mount.Path == folder {
			return e.volumes[mount.Volume].pack(path.Base(folder))
		}
	}
	if file, ok := e.files[container.ID+folder]; ok {
		return (&volume{files: map[string]File{"": file}}).pack(path.Base(folder))
	}
	return nil, fmt.Errorf("read %s of container %s: %w", folder, containerID, engine.ErrNotFound)
}

func (v *volume) pack(root string) (io.ReadCloser, error) {
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	for _, name := range slices.Sorted(maps.Keys(v.files)) {
		file := v.files[name]
		header := tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(root, name), Mode: 0o644, Size: int64(len(file.Content)), Uid: file.Owner, Gid: file.Owner,
		}
		if file.Folder {
			header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		}
		if err := archive.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(archive, file.Content); err != nil {
			return nil, err
		}
	}
	return io.NopCloser(&buffer), archive.Close()
}
