package service

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// clearFiles removes the configuration files of a service that has no container.
func (s *Services) clearFiles(ctx context.Context, service string) error {
	volumes, err := s.on.Volumes(ctx, labels(service))
	if err != nil {
		return err
	}
	for _, one := range volumes {
		if one.Labels[naming.LabelVolume] == "" {
			if err := s.on.RemoveVolume(ctx, one.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// write puts the configuration files where they differ, and reports whether any did.
func (s *Services) write(ctx context.Context, wanted Wanted) (changed bool, err error) {
	for _, folder := range wanted.folders() {
		files := map[string][]byte{}
		for name, content := range wanted.Files {
			if path.Dir(name) == folder {
				files[path.Base(name)] = []byte(content)
			}
		}
		err := volume.With(ctx, s.on, naming.ServiceFiles(wanted.Name, folder), func(ctx context.Context, container string) error {
			archive, err := s.on.ReadArchive(ctx, container, volume.Root)
			if err != nil {
				return err
			}
			defer archive.Close()
			present, err := volume.Unpack(archive)
			if err != nil || holds(present, files) {
				return err
			}
			changed = true
			return s.on.WriteArchive(ctx, container, "/", volume.Pack(volume.Root, volume.Owner, files))
		})
		if err != nil {
			return false, err
		}
	}
	return changed, nil
}

// holds reports whether all of files are among those present.
func holds(present, files map[string][]byte) bool {
	for name, content := range files {
		if found, there := present[name]; !there || !slices.Equal(found, content) {
			return false
		}
	}
	return true
}

// Files reads a service's configuration files back, by path: for imports.
func (s *Services) Files(ctx context.Context, spec Spec) (map[string]string, error) {
	files := map[string]string{}
	for _, folder := range spec.folders() {
		err := volume.With(ctx, s.on, naming.ServiceFiles(spec.Name, folder), func(ctx context.Context, container string) error {
			archive, err := s.on.ReadArchive(ctx, container, volume.Root)
			if err != nil {
				return err
			}
			defer archive.Close()
			present, err := volume.Unpack(archive)
			for _, name := range spec.FileNames {
				if content, there := present[path.Base(name)]; there && path.Dir(name) == folder {
					files[name] = string(content)
				}
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read the files of shared service %s: %w", spec.Name, err)
		}
	}
	return files, nil
}
