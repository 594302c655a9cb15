package project

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/stack"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// walk does the entry work of every phase on the way, in order. Each step may be repeated.
func (p *Projects) walk(ctx context.Context, record Record, steps []lifecycle.Phase) error {
	for _, phase := range steps {
		var err error
		switch {
		case phase == lifecycle.Created:
			err = p.workspace(ctx, record)
		case phase.Scaffolds():
			err = p.scaffold(ctx, record)
		case phase == lifecycle.Failed:
			err = p.reclaim(ctx, record)
		}
		if err != nil {
			return fmt.Errorf("enter phase %q with project %s: %w", phase, record.Namespace, err)
		}
		p.log.Debug("entered phase", "namespace", record.Namespace, "phase", phase)
	}
	return nil
}

// workspace makes the project's volume, owned by the user that containers run as. A volume that was retained from an
// earlier life of the namespace keeps its content.
func (p *Projects) workspace(ctx context.Context, record Record) error {
	name := naming.Workspace(record.Namespace)
	made, err := p.engine.CreateVolume(ctx, name, naming.Labels(record.Labels, map[string]string{
		naming.LabelRole: naming.RoleWorkspace, naming.LabelProject: record.Namespace,
	}))
	if err != nil {
		return err
	}
	if made.Labels[naming.LabelProject] != record.Namespace {
		return fmt.Errorf("volume %s exists and is not the project's: %w; rename or remove it (docker volume rm %s)", name, engine.ErrConflict, name)
	}
	return volume.Write(ctx, p.engine, name, volume.Owner, nil)
}

// scaffold fills a workspace that holds no file yet with the stack's skeleton.
func (p *Projects) scaffold(ctx context.Context, record Record) error {
	chosen, ok := stack.Get(record.Stack)
	if !ok {
		return nil
	}
	return volume.With(ctx, p.engine, naming.Workspace(record.Namespace), func(ctx context.Context, container string) error {
		empty, err := p.empty(ctx, container)
		if err != nil || !empty {
			return err
		}
		return p.engine.WriteArchive(ctx, container, "/", volume.Pack(volume.Root, volume.Owner, chosen.Scaffold()))
	})
}

// empty reports whether a volume holds no file. It reads no further than the first one.
func (p *Projects) empty(ctx context.Context, container string) (bool, error) {
	archive, err := p.engine.ReadArchive(ctx, container, volume.Root)
	if err != nil {
		return false, err
	}
	defer archive.Close()
	for reader := tar.NewReader(archive); ; {
		header, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("read the workspace: %w", err)
		case header.Typeflag != tar.TypeDir:
			return false, nil
		}
	}
}

// reclaim ends what a failed project runs and, if its policy says so, empties it of its data.
func (p *Projects) reclaim(ctx context.Context, record Record) error {
	containers, err := p.engine.Containers(ctx, map[string]string{naming.LabelProject: record.Namespace})
	if err != nil {
		return err
	}
	for _, container := range containers {
		if err := p.engine.RemoveContainer(ctx, container.ID); err != nil {
			return err
		}
	}
	if record.DataPolicy != Delete {
		return nil
	}
	if err := p.removeData(ctx, record.Namespace); err != nil {
		return err
	}
	return p.workspace(ctx, record)
}

// removeData removes the workspace and the environments' volumes.
func (p *Projects) removeData(ctx context.Context, namespace string) error {
	names, err := p.data(ctx, namespace)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := volume.Remove(ctx, p.engine, name); err != nil {
			return err
		}
	}
	return nil
}

// retain names the volumes that stay, with nothing attached to them.
func (p *Projects) retain(ctx context.Context, namespace string) ([]string, error) {
	names, err := p.data(ctx, namespace)
	for _, name := range names {
		err = errors.Join(err, volume.Sweep(ctx, p.engine, name))
	}
	return names, err
}

// data names the volumes that hold the project's data.
func (p *Projects) data(ctx context.Context, namespace string) ([]string, error) {
	volumes, err := p.engine.Volumes(ctx, map[string]string{naming.LabelProject: namespace})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, item := range volumes {
		switch item.Labels[naming.LabelRole] {
		case naming.RoleRecord, naming.RoleKey, naming.RoleDataNamespace: // not data, but what is known of it
		default:
			names = append(names, item.Name)
		}
	}
	return names, nil
}
