package gateway

import (
	"fmt"
	"slices"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// LoadBalancing is a way to spread requests over replicas.
type LoadBalancing string

// The ways that nginx has (ngx_http_upstream_module).
const (
	RoundRobin LoadBalancing = "round_robin"
	LeastConn  LoadBalancing = "least_conn"
	IPHash     LoadBalancing = "ip_hash" // a client address stays with one replica
)

// LoadBalancings are all ways.
func LoadBalancings() []LoadBalancing { return []LoadBalancing{RoundRobin, LeastConn, IPHash} }

// Balance says how requests are spread over replicas and when one of these is left out. Zero values mean the defaults.
type Balance struct {
	LoadBalancing LoadBalancing `json:"load_balancing,omitempty"`
	// MaxFails is after how many failed attempts within FailTimeout a replica gets no requests for as long.
	MaxFails    int           `json:"max_fails,omitempty"`
	FailTimeout time.Duration `json:"fail_timeout,omitempty"`
}

// Defaults of a [Balance]. A replica that restarts gets requests again within FailTimeout.
const (
	DefaultMaxFails    = 2
	DefaultFailTimeout = time.Second
	// MaxMaxFails is the largest number of failed attempts.
	MaxMaxFails = 100
)

func (b Balance) withDefaults() Balance {
	if b.LoadBalancing == "" {
		b.LoadBalancing = RoundRobin
	}
	if b.MaxFails == 0 {
		b.MaxFails = DefaultMaxFails
	}
	if b.FailTimeout == 0 {
		b.FailTimeout = DefaultFailTimeout
	}
	return b
}

func (b Balance) validate() error {
	if !slices.Contains(LoadBalancings(), b.LoadBalancing) {
		return fmt.Errorf("%q is no way to balance load; choose one of %q", b.LoadBalancing, LoadBalancings())
	}
	if b.MaxFails < 1 || b.MaxFails > MaxMaxFails {
		return fmt.Errorf("the failed attempts must be from 1 to %d, not %d", MaxMaxFails, b.MaxFails)
	}
	if b.FailTimeout < time.Second || b.FailTimeout > maxReadTimeout || b.FailTimeout%time.Second != 0 {
		return fmt.Errorf("the fail timeout must be whole seconds from 1s to %s, not %s", maxReadTimeout, b.FailTimeout)
	}
	return nil
}

// ValidateCanaries reports what is wrong with the percentages that other environments than the main one get.
func ValidateCanaries(environment string, canaries map[string]int) error {
	total := 0
	for name, percent := range canaries {
		if !naming.Valid(name) {
			return fmt.Errorf("the environment must be %s, not %q", naming.Rule, name)
		}
		if name == environment {
			return fmt.Errorf("environment %s gets what the canaries leave; it cannot be one of them", name)
		}
		if percent < 1 || percent > 99 {
			return fmt.Errorf("environment %s must get from 1 to 99 percent, not %d", name, percent)
		}
		total += percent
	}
	if total > 99 {
		return fmt.Errorf("the canaries get %d percent together, which leaves nothing for environment %s", total, environment)
	}
	return nil
}

// maxWeight is above what the percentages of a hundred replicas come to.
const maxWeight = 1_000_000

// weigh spreads the percentages of environments over their replicas: each weight is the percentage divided by the number
// of replicas, brought to whole numbers.
func weigh(percent map[string]int, replicas map[string][]string) map[string]int {
	common, divisor := 1, 0
	for _, addresses := range replicas {
		common = common / gcd(common, len(addresses)) * len(addresses)
	}
	weights := map[string]int{}
	for environment, addresses := range replicas {
		for _, address := range addresses {
			weights[address] = percent[environment] * common / len(addresses)
			divisor = gcd(weights[address], divisor)
		}
	}
	for address := range weights {
		weights[address] = min(weights[address]/divisor, maxWeight)
	}
	return weights
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
