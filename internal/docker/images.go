package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"golang.org/x/sync/singleflight"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// pulls makes every image travel once, however many containers ask for it in one run.
type pulls struct {
	flight singleflight.Group
	done   sync.Map // policy and reference to engine.Image
}

// EnsureImage makes sure that the engine holds an image, pulling it where the policy says so, and tells which it is.
// The answer is remembered for this connection. A caller that gives up does not end the pull for the others.
func (e *Engine) EnsureImage(ctx context.Context, ref string, policy engine.PullPolicy) (engine.Image, error) {
	key := string(policy) + " " + ref
	if known, ok := e.pulls.done.Load(key); ok {
		return known.(engine.Image), nil
	}
	answer := e.pulls.flight.DoChan(key, func() (any, error) {
		found, err := e.ensureImage(context.WithoutCancel(ctx), ref, policy)
		if err != nil {
			return found, fmt.Errorf("%w: %w", engine.ErrNoImage, err)
		}
		e.pulls.done.Store(key, found)
		return found, nil
	})
	select {
	case result := <-answer:
		return result.Val.(engine.Image), result.Err
	case <-ctx.Done():
		return engine.Image{}, fmt.Errorf("wait for image %s: %w", ref, ctx.Err())
	}
}

func (e *Engine) ensureImage(ctx context.Context, ref string, policy engine.PullPolicy) (engine.Image, error) {
	if policy != engine.PullAlways {
		found, err := e.inspectImage(ctx, ref)
		if err == nil || !errors.Is(err, engine.ErrNotFound) {
			return found, err
		}
		if policy == engine.PullNever {
			return engine.Image{}, fmt.Errorf("%w (pull_policy is \"never\": load it into the engine first, or let it be pulled)", err)
		}
	}
	if err := e.pull(ctx, ref); err != nil {
		return engine.Image{}, err
	}
	return e.inspectImage(ctx, ref)
}

func (e *Engine) inspectImage(ctx context.Context, ref string) (engine.Image, error) {
	inspected, err := e.client.ImageInspect(ctx, ref)
	if err != nil {
		return engine.Image{}, failure(err, "look for image %s", ref)
	}
	found := engine.Image{ID: inspected.ID, Digest: inspected.ID}
	for _, digest := range inspected.RepoDigests {
		if _, sum, ok := strings.Cut(digest, "@"); ok {
			found.Digest = sum
			break
		}
	}
	return found, nil
}

func (e *Engine) pull(ctx context.Context, ref string) error {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return fmt.Errorf("pull image %s: %w", ref, err)
	}
	options := image.PullOptions{}
	host := reference.Domain(named)
	credentials, known := e.auth[host]
	if known {
		options.RegistryAuth, err = registry.EncodeAuthConfig(registry.AuthConfig{
			Username: credentials.Username, Password: credentials.Password, ServerAddress: host,
		})
		if err != nil {
			return fmt.Errorf("encode the credentials of registry %s: %w", host, err)
		}
	}
	e.log.Info("pulling image", "image", ref, "registry", host, "authenticated", known)
	progress, err := e.client.ImagePull(ctx, reference.TagNameOnly(named).String(), options)
	if err != nil {
		return pullFailure(err, ref, host, known)
	}
	defer progress.Close()
	return pullFailure(drain(progress), ref, host, known)
}

// pullFailure says what to do about a refused pull; registries answer "denied" also for images that do not exist.
func pullFailure(err error, ref, host string, authenticated bool) error {
	wrapped := failure(err, "pull image %s", ref)
	if !errors.Is(wrapped, engine.ErrDenied) {
		return wrapped
	}
	if authenticated {
		return fmt.Errorf("%w (registry_auth has credentials for %s: check them, and that the image exists)", wrapped, host)
	}
	return fmt.Errorf("%w (registry_auth has no credentials for %s: add them, and check that the image exists)", wrapped, host)
}

// drain reads a stream of progress messages to its end; a failure comes as one of the messages.
func drain(progress io.Reader) error {
	for decoder := json.NewDecoder(progress); ; {
		var message struct {
			Error string `json:"error"`
		}
		switch err := decoder.Decode(&message); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case message.Error != "":
			return errors.New(message.Error)
		}
	}
}

// ImportImage makes an image out of a tar archive of its root folder, labelled as a helper of ours.
func (e *Engine) ImportImage(ctx context.Context, ref string, archive io.Reader) error {
	// Those who miss the image at the same time need it once.
	_, err, _ := e.imports.Do(ref, func() (any, error) {
		progress, err := e.client.ImageImport(context.WithoutCancel(ctx), image.ImportSource{Source: archive, SourceName: "-"}, ref, image.ImportOptions{
			Changes: []string{fmt.Sprintf("LABEL %s=%s", naming.LabelRole, naming.RoleHelper)},
		})
		if err != nil {
			return nil, err
		}
		defer progress.Close()
		return nil, drain(progress)
	})
	return failure(err, "import image %s", ref)
}

// RemoveImage removes an image's name and, when that was its last, the image. One that is gone counts as removed;
// [engine.ErrConflict] means that a container uses it.
func (e *Engine) RemoveImage(ctx context.Context, ref string) error {
	_, err := e.client.ImageRemove(ctx, ref, image.RemoveOptions{})
	if err = failure(err, "remove image %s", ref); errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	return err
}
