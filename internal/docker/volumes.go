package docker

import (
	"context"
	"errors"

	"github.com/docker/docker/api/types/volume"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

// Volumes lists the volumes that carry all of labels.
func (e *Engine) Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error) {
	listed, err := e.client.VolumeList(ctx, volume.ListOptions{Filters: byLabels(labels)})
	if err != nil {
		return nil, failure(err, "list volumes")
	}
	volumes := make([]engine.Volume, 0, len(listed.Volumes))
	for _, item := range listed.Volumes {
		volumes = append(volumes, engine.Volume{Name: item.Name, Labels: item.Labels})
	}
	return volumes, nil
}

// CreateVolume creates a named volume. Where the name exists, the engine answers with the existing volume and its own
// labels: a caller that has to know whether it was first compares a label that only it can have written.
func (e *Engine) CreateVolume(ctx context.Context, name string, labels map[string]string) (engine.Volume, error) {
	defer e.changed()
	created, err := e.client.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: labels})
	return engine.Volume{Name: created.Name, Labels: created.Labels}, failure(err, "create volume %s", name)
}

// RemoveVolume removes a volume and its content; one that is gone counts as removed. [engine.ErrConflict] means that a
// container uses it.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	defer e.changed()
	err := failure(e.client.VolumeRemove(ctx, name, false), "remove volume %s", name)
	if errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	return err
}
