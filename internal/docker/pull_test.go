package docker

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/registry"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/errgroup"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
)

const registryUser, registryPassword = "ci", "right"

// registry runs a registry that asks for credentials and answers with its container and its address on the engine's
// own host, from where engines pull without TLS.
func (b *bench) registry() (id, address string) {
	b.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(registryPassword), bcrypt.MinCost)
	b.must(err)
	line := fmt.Appendf(nil, "%s:%s\n", registryUser, hash)
	var packed bytes.Buffer
	writer := tar.NewWriter(&packed)
	b.must(writer.WriteHeader(&tar.Header{Name: "htpasswd", Mode: 0o644, Size: int64(len(line))}))
	_, err = writer.Write(line)
	b.must(err)
	b.must(writer.Close())

	id = b.create(engine.ContainerSpec{
		Name: b.id + "-registry", Image: "isolab-fixture/registry:1", Labels: b.labels,
		Networks: []engine.Endpoint{{Network: b.network("registry", false).ID}},
		Publish:  []engine.PortBinding{{ContainerPort: 5000, HostAddress: "127.0.0.1"}},
	})
	b.must(b.on.WriteArchive(b.Context(), id, "/etc/docker/registry", &packed))
	b.must(b.on.StartContainer(b.Context(), id))
	log, err := b.on.FollowLogs(b.Context(), id, time.Time{})
	b.must(err)
	defer log.Close()
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if strings.Contains(lines.Text(), "listening on") {
			return id, fmt.Sprintf("127.0.0.1:%d", b.inspect(id).Spec.Publish[0].HostPort)
		}
	}
	b.Fatal("the registry ended without listening")
	return "", ""
}

// push puts busybox into a registry under a name that the engine then no longer knows.
func (b *bench) push(address, ref string) {
	b.Helper()
	auth, err := registry.EncodeAuthConfig(registry.AuthConfig{Username: registryUser, Password: registryPassword, ServerAddress: address})
	b.must(err)
	b.must(b.on.client.ImageTag(b.Context(), busybox, ref))
	progress, err := b.on.client.ImagePush(b.Context(), ref, image.PushOptions{RegistryAuth: auth})
	b.must(err)
	defer progress.Close()
	b.must(drain(progress))
	b.must(b.on.RemoveImage(b.Context(), ref))
}

// pulls counts how often an engine asked a registry, with success, for the digest of an image's tag: each pull begins so,
// also one that finds the content on the engine already.
func (b *bench) pulls(id, repository string) int {
	b.Helper()
	log, err := b.on.Logs(b.Context(), id, 100_000)
	b.must(err)
	count := 0
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"HEAD /v2/`+repository+`/manifests/1 `) && strings.Contains(line, `" 200 `) {
			count++
		}
	}
	return count
}

func TestAccPull(t *testing.T) {
	b := newBench(t)
	id, address := b.registry()
	repository := b.id + "/busybox"
	ref := address + "/" + repository + ":1"
	b.push(address, ref)
	t.Cleanup(func() { b.must(b.on.RemoveImage(context.Background(), ref)) })
	right := map[string]Credentials{address: {registryUser, registryPassword}}

	t.Run("never", func(t *testing.T) {
		_, err := b.on.EnsureImage(t.Context(), ref, engine.PullNever)
		wantKind(t, err, engine.ErrNotFound)
	})
	t.Run("without credentials", func(t *testing.T) {
		_, err := b.on.EnsureImage(t.Context(), ref, engine.PullMissing)
		wantKind(t, err, engine.ErrDenied)
		if !strings.Contains(err.Error(), "registry_auth has no credentials for "+address) {
			t.Errorf("%q does not say what is missing", err)
		}
	})
	t.Run("with wrong credentials", func(t *testing.T) {
		_, err := b.connect(map[string]Credentials{address: {registryUser, "wrong-password"}}).EnsureImage(t.Context(), ref, engine.PullMissing)
		wantKind(t, err, engine.ErrDenied)
		if !strings.Contains(err.Error(), "check them") || strings.Contains(err.Error(), "wrong-password") {
			t.Errorf("%q", err)
		}
	})
	t.Run("a tag that is not there", func(t *testing.T) {
		_, err := b.connect(right).EnsureImage(t.Context(), address+"/"+repository+":2", engine.PullMissing)
		wantKind(t, err, engine.ErrNotFound)
	})
	if count := b.pulls(id, repository); count != 0 {
		t.Fatalf("refused, and yet pulled %d times", count)
	}
	t.Run("once for all who ask", func(t *testing.T) {
		on := b.connect(right)
		group, ctx := errgroup.WithContext(t.Context())
		for range 20 {
			group.Go(func() error {
				found, err := on.EnsureImage(ctx, ref, engine.PullAlways)
				if err == nil && (found.ID == "" || !strings.HasPrefix(found.Digest, "sha256:") || found.Digest == found.ID) {
					err = errors.New("the image is " + fmt.Sprint(found))
				}
				return err
			})
		}
		b.must(group.Wait())
		if count := b.pulls(id, repository); count != 1 {
			t.Errorf("20 callers pulled %d times", count)
		}
	})
	t.Run("not again while it is there", func(t *testing.T) {
		if _, err := b.connect(right).EnsureImage(t.Context(), ref, engine.PullMissing); err != nil {
			t.Error(err)
		}
		if count := b.pulls(id, repository); count != 1 {
			t.Errorf("pulled %d times", count)
		}
	})
	t.Run("again when told to", func(t *testing.T) {
		if _, err := b.connect(right).EnsureImage(t.Context(), ref, engine.PullAlways); err != nil {
			t.Error(err)
		}
		if count := b.pulls(id, repository); count != 2 {
			t.Errorf("pulled %d times", count)
		}
	})
}
