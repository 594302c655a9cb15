package subnet_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/subnet"
)

func pool(cidr string, length int) subnet.Pool {
	prefix, _ := netip.ParsePrefix(cidr)
	return subnet.Pool{CIDR: prefix, PrefixLength: length}
}

func TestPoolValidate(t *testing.T) {
	for _, valid := range []subnet.Pool{
		subnet.DefaultPool, pool("10.0.0.0/8", 16), pool("10.0.0.0/28", 28), pool("192.168.0.0/16", 16), pool("0.0.0.0/0", 16),
	} {
		if err := valid.Validate(); err != nil {
			t.Errorf("%v: %v", valid, err)
		}
	}
	for _, test := range []struct {
		pool subnet.Pool
		says string
	}{
		{subnet.Pool{PrefixLength: 26}, "IPv4"},
		{pool("fd00::/48", 26), "IPv4"},
		{pool("::ffff:10.0.0.0/112", 26), "IPv4"},
		{pool("10.96.0.1/12", 26), "write 10.96.0.0/12"},
		{pool("10.96.0.0/12", 15), "16 to 28"},
		{pool("10.96.0.0/12", 29), "16 to 28"},
		{pool("10.96.0.0/24", 20), "does not fit"},
	} {
		if err := test.pool.Validate(); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v, want %q", test.pool, err, test.says)
		}
	}
}

// TestNextFillsThePool takes every subnet: all distinct, all inside, as many as the pool says.
func TestNextFillsThePool(t *testing.T) {
	for _, p := range []subnet.Pool{pool("10.0.0.0/22", 26), pool("10.0.0.0/26", 26), pool("255.255.255.0/24", 28)} {
		var taken []netip.Prefix
		for i := range p.Size() {
			if free := p.Free(taken); free != p.Size()-i {
				t.Fatalf("%v: %d free after %d were taken", p, free, i)
			}
			next, err := p.Next(taken)
			if err != nil {
				t.Fatal(err)
			}
			if next.Bits() != p.PrefixLength || next.Masked() != next || !p.CIDR.Contains(next.Addr()) {
				t.Fatalf("%v: %s is no subnet of the pool", p, next)
			}
			for _, other := range taken {
				if next.Overlaps(other) {
					t.Fatalf("%v: %s overlaps with %s", p, next, other)
				}
			}
			taken = append(taken, next)
		}
		foreign := netip.MustParsePrefix("172.17.0.0/16")
		_, err := p.Next(append(taken, foreign))
		var exhausted *subnet.ExhaustedError
		if !errors.As(err, &exhausted) || exhausted.Size != p.Size() || exhausted.Taken != p.Size() {
			t.Errorf("%v: %v", p, err)
		}
	}
}

// TestForeignSubnets puts networks of other sizes in the way, smaller and larger than the pool's subnets.
func TestForeignSubnets(t *testing.T) {
	p := pool("10.0.0.0/24", 26)
	for _, test := range []struct {
		taken string
		free  int
		next  string
	}{
		{"", 4, "10.0.0.0/26"},
		{"10.0.0.0/30", 3, "10.0.0.64/26"},
		{"10.0.0.63/32 10.0.0.64/32", 2, "10.0.0.128/26"},
		{"10.0.0.0/25", 2, "10.0.0.128/26"},
		{"10.0.0.64/26", 3, "10.0.0.0/26"},
		{"10.0.0.200/29", 3, "10.0.0.0/26"},
		{"192.168.0.0/16 fd00::/64", 4, "10.0.0.0/26"},
		{"10.0.0.5/24", 0, ""},
		{"10.0.0.0/8", 0, ""},
	} {
		var taken []netip.Prefix
		for _, text := range strings.Fields(test.taken) {
			taken = append(taken, netip.MustParsePrefix(text))
		}
		if free := p.Free(taken); free != test.free {
			t.Errorf("%q leaves %d free, want %d", test.taken, free, test.free)
		}
		next, err := p.Next(taken)
		if test.next != "" && (err != nil || next.String() != test.next) {
			t.Errorf("next beside %q is %s, %v; want %s", test.taken, next, err, test.next)
		}
		var exhausted *subnet.ExhaustedError
		if test.next == "" && (!errors.As(err, &exhausted) || exhausted.Size != 4 || exhausted.Taken != 1) {
			t.Errorf("next beside %q: %v", test.taken, err)
		}
	}
}

// TestAddressesStayClearOfTheEngines hands out every fixed address of a subnet: none is the network's, the bridge's, or
// one that the engine might give away by itself.
func TestAddressesStayClearOfTheEngines(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for bits := 20; bits <= 28; bits++ {
		from := netip.AddrFrom4([4]byte{10, byte(random.UintN(256)), byte(random.UintN(256)), byte(random.UintN(256))})
		prefix, err := from.Prefix(bits)
		if err != nil {
			t.Fatal(err)
		}
		dynamic := subnet.Dynamic(prefix)
		if dynamic.Bits() != bits+2 || dynamic.Masked() != dynamic || !prefix.Contains(dynamic.Addr()) {
			t.Fatalf("%s is no quarter of %s", dynamic, prefix)
		}
		taken := map[netip.Addr]bool{prefix.Addr(): true, prefix.Addr().Next(): true}
		for range subnet.Capacity(prefix) {
			address, err := subnet.Address(prefix, taken)
			if err != nil {
				t.Fatalf("%s: %v", prefix, err)
			}
			if taken[address] || dynamic.Contains(address) || !prefix.Contains(address) {
				t.Fatalf("%s of %s cannot be a fixed address", address, prefix)
			}
			taken[address] = true
		}
		if address, err := subnet.Address(prefix, taken); err == nil || !strings.Contains(err.Error(), prefix.String()) {
			t.Errorf("%s has more addresses than its capacity: %s, %v", prefix, address, err)
		}
	}
}

func TestAddressTakesTheLowest(t *testing.T) {
	prefix := netip.MustParsePrefix("10.0.0.64/26")
	taken := map[netip.Addr]bool{}
	for _, want := range []string{"10.0.0.66", "10.0.0.67", "10.0.0.68"} {
		address, err := subnet.Address(prefix, taken)
		if err != nil || address.String() != want {
			t.Fatalf("got %s, %v; want %s", address, err, want)
		}
		taken[address] = true
	}
	delete(taken, netip.MustParseAddr("10.0.0.67"))
	if address, _ := subnet.Address(prefix, taken); address.String() != "10.0.0.67" {
		t.Errorf("got %s, want the one that is free again", address)
	}
	if subnet.Capacity(prefix) != 46 {
		t.Errorf("capacity is %d", subnet.Capacity(prefix))
	}
}

func FuzzNext(f *testing.F) {
	f.Add(uint32(0x0a000000), 24)
	f.Add(uint32(0x0a0000ff), 32)
	f.Add(uint32(0), 0)
	p := pool("10.0.0.0/22", 26)
	f.Fuzz(func(t *testing.T, bits uint32, length int) {
		address := netip.AddrFrom4([4]byte{byte(bits >> 24), byte(bits >> 16), byte(bits >> 8), byte(bits)})
		foreign := netip.PrefixFrom(address, length)
		if !foreign.IsValid() {
			return
		}
		next, err := p.Next([]netip.Prefix{foreign})
		if (err == nil) != (p.Free([]netip.Prefix{foreign}) > 0) {
			t.Errorf("beside %s: %v, but %d are free", foreign, err, p.Free([]netip.Prefix{foreign}))
		}
		if err == nil && (next.Overlaps(foreign) || !next.Overlaps(p.CIDR)) {
			t.Errorf("%s beside %s", next, foreign)
		}
	})
}
