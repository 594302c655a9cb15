package project

import (
	"context"
	"errors"
	"fmt"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
	"github.com/isolab/terraform-provider-isolab/internal/secret"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// keyFile is where on its volume a project's key lies.
const keyFile = "key"

// Key finds the project's key, or makes it when it is first asked for. It is a file on a volume of its own, which no
// container of the project can mount.
func (p *Projects) Key(ctx context.Context, namespace string) (secret.Key, error) {
	lock := p.keyed.of(namespace)
	lock.Lock()
	defer lock.Unlock()
	if known, ok := p.keys.Load(namespace); ok {
		return known.(secret.Key), nil //nolint:forcetypeassert // nothing else is stored
	}
	key, err := p.readKey(ctx, namespace)
	if errors.Is(err, engine.ErrNotFound) {
		key, err = p.makeKey(ctx, namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("key of project %s: %w", namespace, err)
	}
	p.keys.Store(namespace, key)
	return key, nil
}

// readKey answers with [engine.ErrNotFound] when there is no key, or only the beginning of one: an apply may have been
// killed after the volume and before the file.
func (p *Projects) readKey(ctx context.Context, namespace string) (key secret.Key, err error) {
	volumes, err := p.engine.Volumes(ctx, keyLabels(namespace))
	if err != nil {
		return nil, err
	}
	if len(volumes) == 0 {
		return nil, engine.ErrNotFound
	}
	err = volume.With(ctx, p.engine, volumes[0].Name, func(ctx context.Context, container string) error {
		archive, err := p.engine.ReadArchive(ctx, container, volume.Root)
		if err != nil {
			return err
		}
		defer archive.Close()
		files, err := volume.Unpack(archive)
		if err != nil {
			return err
		}
		stored, ok := files[keyFile]
		if !ok {
			return engine.ErrNotFound
		}
		key, err = secret.ParseKey(stored)
		return err
	})
	return key, err
}

// makeKey makes the key under a lock, so that two runs do not make two.
func (p *Projects) makeKey(ctx context.Context, namespace string) (key secret.Key, err error) {
	if _, err := p.current(ctx, namespace); err != nil {
		return nil, err // without a project it would be nobody's
	}
	held, release, err := p.locks.Acquire(ctx, keyLock(namespace))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	if key, err = p.readKey(held, namespace); !errors.Is(err, engine.ErrNotFound) {
		return key, err // somebody was faster
	}
	name := naming.Key(namespace)
	made, err := p.engine.CreateVolume(held, name, keyLabels(namespace))
	if err != nil {
		return nil, err
	}
	if made.Labels[naming.LabelProject] != namespace || made.Labels[naming.LabelRole] != naming.RoleKey {
		return nil, fmt.Errorf("volume %s exists and is not the project's: %w; rename or remove it (docker volume rm %s)", name, engine.ErrConflict, name)
	}
	key = secret.NewKey()
	return key, volume.Write(held, p.engine, name, volume.Owner, map[string][]byte{keyFile: key})
}

// removeKey ends all passwords that were derived from the project's key.
func (p *Projects) removeKey(ctx context.Context, namespace string) error {
	p.keys.Delete(namespace)
	volumes, err := p.engine.Volumes(ctx, keyLabels(namespace))
	if err != nil {
		return err
	}
	for _, item := range volumes {
		if err := volume.Remove(ctx, p.engine, item.Name); err != nil {
			return err
		}
	}
	return nil
}

func keyLabels(namespace string) map[string]string {
	return map[string]string{naming.LabelProject: namespace, naming.LabelRole: naming.RoleKey}
}

// keyLock is the lock under which a project's key is made.
func keyLock(namespace string) string { return "key_" + namespace }
