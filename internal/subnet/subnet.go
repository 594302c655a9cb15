// Package subnet divides an address pool into the projects' subnets, and a subnet into its addresses.
package subnet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Pool is the range out of which every network gets a subnet of its own.
type Pool struct {
	CIDR         netip.Prefix // IPv4
	PrefixLength int          // of each subnet: 26 is 64 addresses
}

// DefaultPool holds 16,384 subnets of 64 addresses and stays clear of the ranges that Docker takes by itself.
var DefaultPool = Pool{CIDR: netip.MustParsePrefix("10.96.0.0/12"), PrefixLength: 26}

// ExhaustedError says that no subnet of the pool is free.
type ExhaustedError struct {
	Pool        Pool
	Size, Taken int // subnets
}

func (e *ExhaustedError) Error() string {
	return fmt.Sprintf("the address pool %s is exhausted: all of its %d subnets of prefix length /%d overlap with networks that exist (%d of them)",
		e.Pool.CIDR, e.Size, e.Pool.PrefixLength, e.Taken)
}

// Validate reports what is wrong with a pool.
func (p Pool) Validate() error {
	switch {
	case !p.CIDR.IsValid() || !p.CIDR.Addr().Is4():
		return errors.New("the pool must be an IPv4 range in CIDR notation such as 10.96.0.0/12")
	case p.CIDR.Masked() != p.CIDR:
		return fmt.Errorf("%s has host bits set; write %s", p.CIDR, p.CIDR.Masked())
	case p.PrefixLength < 16 || p.PrefixLength > 28:
		return fmt.Errorf("the prefix length of each subnet must be from 16 to 28, not %d", p.PrefixLength)
	case p.PrefixLength < p.CIDR.Bits():
		return fmt.Errorf("a subnet of prefix length /%d does not fit into %s", p.PrefixLength, p.CIDR)
	}
	return nil
}

// Size is the number of subnets in the pool.
func (p Pool) Size() int { return 1 << (p.PrefixLength - p.CIDR.Bits()) }

// Subnet is the i-th subnet of the pool, counting from 0.
func (p Pool) Subnet(i int) netip.Prefix {
	return netip.PrefixFrom(add(p.CIDR.Addr(), uint32(i)<<(32-p.PrefixLength)), p.PrefixLength)
}

// Free counts the subnets that overlap with none of taken.
func (p Pool) Free(taken []netip.Prefix) int {
	free := 0
	for i := range p.Size() {
		if !overlaps(p.Subnet(i), taken) {
			free++
		}
	}
	return free
}

// Next is the first subnet that overlaps with none of taken; [*ExhaustedError] when there is none.
func (p Pool) Next(taken []netip.Prefix) (netip.Prefix, error) {
	for i := range p.Size() {
		if candidate := p.Subnet(i); !overlaps(candidate, taken) {
			return candidate, nil
		}
	}
	used := 0
	for _, prefix := range taken {
		if prefix.Overlaps(p.CIDR) {
			used++
		}
	}
	return netip.Prefix{}, &ExhaustedError{Pool: p, Size: p.Size(), Taken: used}
}

func overlaps(candidate netip.Prefix, taken []netip.Prefix) bool {
	for _, prefix := range taken {
		if candidate.Overlaps(prefix) {
			return true
		}
	}
	return false
}

// Dynamic is the last quarter of a subnet: the engine takes from it the addresses of whatever joins without one of its
// own (a gateway, a shared service). The rest is for fixed addresses, so that the two never meet.
func Dynamic(subnet netip.Prefix) netip.Prefix {
	size := uint32(1) << (32 - subnet.Bits())
	return netip.PrefixFrom(add(subnet.Addr(), size/4*3), subnet.Bits()+2)
}

// Address is the lowest fixed address of subnet that is not taken. The first two addresses are the network's own and
// the bridge's.
func Address(subnet netip.Prefix, taken map[netip.Addr]bool) (netip.Addr, error) {
	limit := Dynamic(subnet).Addr()
	for address := add(subnet.Addr(), 2); address.Less(limit); address = address.Next() {
		if !taken[address] {
			return address, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("all %d fixed addresses of subnet %s are taken; a shorter address_pool.prefix_length gives new projects more", Capacity(subnet), subnet)
}

// Capacity is how many fixed addresses a subnet has.
func Capacity(subnet netip.Prefix) int { return 1<<(32-subnet.Bits())/4*3 - 2 }

func add(address netip.Addr, offset uint32) netip.Addr {
	bytes := address.As4()
	binary.BigEndian.PutUint32(bytes[:], binary.BigEndian.Uint32(bytes[:])+offset)
	return netip.AddrFrom4(bytes)
}
