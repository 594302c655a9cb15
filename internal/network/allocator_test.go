package network_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/isolab/terraform-provider-isolab/internal/engine"
	"github.com/isolab/terraform-provider-isolab/internal/enginetest"
	"github.com/isolab/terraform-provider-isolab/internal/network"
	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

func pool(cidr string) subnet.Pool {
	return subnet.Pool{CIDR: netip.MustParsePrefix(cidr), PrefixLength: 26}
}

func create(t *testing.T, allocator *network.Allocator, name string) engine.Network {
	t.Helper()
	made, err := allocator.Create(t.Context(), engine.NetworkSpec{Name: name, Internal: true, Labels: map[string]string{"name": name}})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func wantExhausted(t *testing.T, err error, size, taken int) {
	t.Helper()
	var exhausted *subnet.ExhaustedError
	if !errors.As(err, &exhausted) || exhausted.Size != size || exhausted.Taken != taken {
		t.Errorf("got %v, want %d of %d subnets taken", err, taken, size)
	}
}

func TestCreateTellsWhatItMade(t *testing.T) {
	on := enginetest.New()
	made := create(t, network.NewAllocator(on, pool("10.0.0.0/24")), "isolab_shop")
	networks, err := on.Networks(t.Context(), nil)
	if err != nil || len(networks) != 1 {
		t.Fatalf("the engine holds %v, %v", networks, err)
	}
	if held := networks[0]; held.ID != made.ID || !slices.Equal(held.Subnets, made.Subnets) || !held.Internal || held.Labels["name"] != "isolab_shop" {
		t.Errorf("made %+v, the engine holds %+v", made, held)
	}
}

// TestParallelCreates makes 40 networks from each of two runs of Terraform that know nothing of each other.
func TestParallelCreates(t *testing.T) {
	on := enginetest.New()
	runs := []*network.Allocator{network.NewAllocator(on, pool("10.0.0.0/16")), network.NewAllocator(on, pool("10.0.0.0/16"))}
	var made sync.Map
	group, ctx := errgroup.WithContext(t.Context())
	for i := range 80 {
		group.Go(func() error {
			network, err := runs[i%2].Create(ctx, engine.NetworkSpec{Name: fmt.Sprint("isolab_", i)})
			if err == nil {
				if other, taken := made.LoadOrStore(network.Subnets[0], network.Name); taken {
					err = fmt.Errorf("%s and %s share %s", network.Name, other, network.Subnets[0])
				}
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if networks, _ := on.Networks(t.Context(), nil); len(networks) != 80 {
		t.Errorf("%d networks", len(networks))
	}
}

// TestOneRunNeverTriesASubnetTwice counts the creations: parallel ones of one run do not get into each other's way.
func TestOneRunNeverTriesASubnetTwice(t *testing.T) {
	on := enginetest.New()
	allocator := network.NewAllocator(on, pool("10.0.0.0/16"))
	group, ctx := errgroup.WithContext(t.Context())
	for i := range 40 {
		group.Go(func() error {
			_, err := allocator.Create(ctx, engine.NetworkSpec{Name: fmt.Sprint("isolab_", i)})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if creations, listings := on.Calls("CreateNetwork"), on.Calls("Networks"); creations != 40 || listings != 1 {
		t.Errorf("%d creations and %d listings for 40 networks", creations, listings)
	}
}

func TestExhaustionAndReturn(t *testing.T) {
	on := enginetest.New()
	if _, err := on.CreateNetwork(t.Context(), engine.NetworkSpec{Name: "foreign", Subnet: netip.MustParsePrefix("10.0.0.0/25")}); err != nil {
		t.Fatal(err)
	}
	allocator := network.NewAllocator(on, pool("10.0.0.0/24"))
	create(t, allocator, "isolab_a")
	last := create(t, allocator, "isolab_b")
	_, err := allocator.Create(t.Context(), engine.NetworkSpec{Name: "isolab_c"})
	wantExhausted(t, err, 4, 3)

	// A network that goes behind the allocator's back makes room again.
	if err := on.RemoveNetwork(t.Context(), last.ID); err != nil {
		t.Fatal(err)
	}
	if made := create(t, allocator, "isolab_c"); made.Subnets[0] != last.Subnets[0] {
		t.Errorf("got %s, want the freed %s", made.Subnets[0], last.Subnets[0])
	}
}

// TestPoolTakenMeanwhile lets somebody else take the rest of the pool after this run has looked.
func TestPoolTakenMeanwhile(t *testing.T) {
	on := enginetest.New()
	allocator := network.NewAllocator(on, pool("10.0.0.0/24"))
	create(t, allocator, "isolab_a")
	for i := 1; i < 4; i++ {
		if _, err := on.CreateNetwork(t.Context(), engine.NetworkSpec{Name: "foreign", Subnet: allocator.Pool().Subnet(i)}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := allocator.Create(t.Context(), engine.NetworkSpec{Name: "isolab_b"})
	wantExhausted(t, err, 4, 4)
}

func TestFailureReleasesTheSubnet(t *testing.T) {
	on := enginetest.New()
	broken := errors.New("no space left on device")
	var failing atomic.Bool
	on.Before = func(call, _ string) error {
		if call == "CreateNetwork" && failing.Load() {
			return broken
		}
		return nil
	}
	allocator := network.NewAllocator(on, pool("10.0.0.0/26"))
	failing.Store(true)
	if _, err := allocator.Create(t.Context(), engine.NetworkSpec{Name: "isolab_a"}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	failing.Store(false)
	create(t, allocator, "isolab_a") // on the only subnet of the pool
	if listings := on.Calls("Networks"); listings != 1 {
		t.Errorf("%d listings: the subnet was not free until the engine was asked again", listings)
	}
}

func TestFailedListingIsNotRemembered(t *testing.T) {
	on := enginetest.New()
	if _, err := on.CreateNetwork(t.Context(), engine.NetworkSpec{Subnet: netip.MustParsePrefix("10.0.0.0/26")}); err != nil {
		t.Fatal(err)
	}
	allocator := network.NewAllocator(on, pool("10.0.0.0/25"))
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := allocator.Create(interrupted, engine.NetworkSpec{Name: "isolab_a"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if made := create(t, allocator, "isolab_a"); made.Subnets[0].String() != "10.0.0.64/26" {
		t.Errorf("got %s", made.Subnets[0])
	}
	if creations := on.Calls("CreateNetwork isolab_a"); creations != 1 {
		t.Errorf("%d attempts: the allocator did not look before it tried", creations)
	}
}

func TestPreferredSubnet(t *testing.T) {
	on := enginetest.New()
	allocator := network.NewAllocator(on, pool("10.0.0.0/24"))
	preferred := netip.MustParsePrefix("10.0.0.128/26")
	for _, want := range []string{"10.0.0.128/26", "10.0.0.0/26"} {
		made, err := allocator.Create(t.Context(), engine.NetworkSpec{Name: "isolab_" + want, Subnet: preferred})
		if err != nil || made.Subnets[0].String() != want {
			t.Errorf("got %v, %v; want %s", made.Subnets, err, want)
		}
	}
}

// TestEnsureRefusesAForeignName finds the name of a network taken by one that is not ours.
func TestEnsureRefusesAForeignName(t *testing.T) {
	on := enginetest.New()
	on.Before = func(call, _ string) error {
		if call == "CreateNetwork" {
			return engine.ErrConflict
		}
		return nil
	}
	labels := map[string]string{"role": "network"}
	spec := engine.NetworkSpec{Name: "isolab_shop", Labels: labels}
	_, err := network.NewAllocator(on, pool("10.0.0.0/24")).Ensure(t.Context(), spec, labels)
	if !errors.Is(err, engine.ErrConflict) || !strings.Contains(err.Error(), "docker network rm isolab_shop") {
		t.Errorf("got %v", err)
	}
}
