package provider

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/isolab/terraform-provider-isolab/internal/naming"
)

// street is two projects in testing, each with an environment that may reach the outside and one that may not. All of
// them serve their root folder on port 8080; the bank's open one listens on 9090 as well.
const street = `
resource "isolab_project" "shop" {
  name        = "PREFIX-shop"
  phase       = "testing"
  data_policy = "delete"
}

resource "isolab_project" "bank" {
  name        = "PREFIX-bank"
  phase       = "testing"
  data_policy = "delete"
}

resource "isolab_environment" "shop_open" {
  project = isolab_project.shop
  name    = "open"
  kind    = "development"
  image   = "BUSYBOX"
  command = ["httpd", "-f", "-p", "8080", "-h", "/"]
}

resource "isolab_environment" "shop_sealed" {
  project = isolab_project.shop
  name    = "sealed"
  kind    = "testing"
  image   = "BUSYBOX"
  command = ["httpd", "-f", "-p", "8080", "-h", "/"]
}

resource "isolab_environment" "bank_vault" {
  project = isolab_project.bank
  name    = "vault"
  kind    = "development"
  image   = "BUSYBOX"
  command = ["sh", "-c", "httpd -p 9090 -h / && exec httpd -f -p 8080 -h /"]
}

resource "isolab_environment" "bank_ledger" {
  project = isolab_project.bank
  name    = "ledger"
  kind    = "testing"
  image   = "BUSYBOX"
  command = ["httpd", "-f", "-p", "8080", "-h", "/"]
}
`

// TestAccIsolation tries the packets from inside: every refusal has a control that the same attempt succeeds where it
// should. The attempts run side by side, since a refusal is a silence to wait through.
func TestAccIsolation(t *testing.T) {
	b := onEngine(t)
	b.test(b.applied(strings.ReplaceAll(street, "BUSYBOX", busybox), seen(func() error {
		open, sealed := b.container("shop", "open"), b.container("shop", "sealed")
		var attempts sync.WaitGroup
		siblings := map[string]string{open: "sealed", sealed: "open"}
		for from, sibling := range siblings {
			address := b.addresses(b.container("shop", sibling))["isolab_"+b.name("shop")]
			// Not beside the refusals: its answers to ping would be taken for theirs.
			b.reachesSibling(from, sibling, address)
		}
		for from := range siblings {
			for _, other := range []string{"vault", "ledger"} {
				b.cannotReachAddresses(&attempts, from, b.addresses(b.container("bank", other)))
				b.cannotReachNames(&attempts, from, other)
			}
		}
		attempts.Wait()
		b.wayOut(open, sealed)
		if networks := b.addresses(sealed); len(networks) != 1 {
			return fmt.Errorf("the sealed container is on the networks %v", networks)
		}
		return nil
	})))
}

// reachesSibling is the control of what cannotReachAddresses and cannotReachNames try.
func (b *bench) reachesSibling(from, sibling, address string) {
	b.succeeds(from, fetch(naming.Alias(b.name("shop"), sibling), 8080))
	b.succeeds(from, fetch(b.container("shop", sibling), 8080))
	b.succeeds(from, fetch(address, 8080))
	if output, ok := b.asRoot(from, "ping -c 1 -W 2 "+address); !ok {
		b.Errorf("the control failed: %s cannot ping its sibling: %s", from, output)
	}
}

// cannotReachAddresses tries every address of another project's container: by TCP as the container's own user, and by
// ping as root with raw sockets in the container's network namespace, which nobody in the container can become.
//
// At an address on an internal network nothing may ever get through. Of the egress networks the engine's firewall rules
// alone keep the packets, and engines take these out for some milliseconds whenever they create a network (see the
// isolation guide), as the tests beside this one do all the time: there, what gets through has to do so every time.
func (b *bench) cannotReachAddresses(attempts *sync.WaitGroup, from string, addresses map[string]string) {
	if len(addresses) == 0 {
		b.Error("found no address to try")
	}
	for network, address := range addresses {
		tries := 1
		if strings.HasSuffix(network, "_egress") {
			tries = 4
		}
		for _, port := range []int{8080, 9090} {
			attempts.Go(func() {
				var outputs []string
				for range tries {
					output, ok := b.inside(from, fetch(address, port))
					if !ok && !strings.Contains(output, "refused") {
						return
					}
					outputs = append(outputs, output)
				}
				b.Errorf("%s got an answer from %s:%d on %s: %q", from, address, port, network, outputs)
			})
		}
		attempts.Go(func() {
			var outputs []string
			for range tries {
				output, ok := b.asRoot(from, "ping -c 1 -W 2 "+address)
				if !ok && !strings.Contains(output, "Error") {
					return
				}
				outputs = append(outputs, output)
			}
			b.Errorf("%s should not ping %s on %s: %q", from, address, network, outputs)
		})
	}
}

// TestAccIsolationWhileNetworksAreMade tries another project's internal addresses while the engine makes and removes
// networks, which is when its firewall rules have gaps.
func TestAccIsolationWhileNetworksAreMade(t *testing.T) {
	b := onEngine(t)
	b.test(b.applied(strings.ReplaceAll(street, "BUSYBOX", busybox), seen(func() error {
		stop := make(chan struct{})
		var making sync.WaitGroup
		for worker := range 4 {
			making.Go(func() {
				for round := 0; ; round++ {
					select {
					case <-stop:
						return
					default:
						name := fmt.Sprintf("%s-churn-%d-%d", b.prefix, worker, round)
						b.attempt("network", "create", name)
						b.attempt("network", "rm", name)
					}
				}
			})
		}
		open := b.container("shop", "open")
		var attempts sync.WaitGroup
		for _, other := range []string{"vault", "ledger"} {
			address := b.addresses(b.container("bank", other))["isolab_"+b.name("bank")]
			attempts.Go(func() {
				const repeated = "for i in $(seq 20); do (for j in 1 2 3 4; do %s && echo got through; done) & done; wait"
				if output := b.succeeds(open, fmt.Sprintf(repeated, fetch(address, 8080))); strings.Contains(output, "got through") {
					b.Errorf("%s reached %s: %s", open, address, output)
				}
			})
		}
		attempts.Wait()
		close(stop)
		making.Wait()
		return nil
	})))
}

// cannotReachNames tries every name under which a container of another project is known in its own.
func (b *bench) cannotReachNames(attempts *sync.WaitGroup, from, other string) {
	for _, name := range []string{naming.Alias(b.name("bank"), other), b.container("bank", other), other, other + "." + b.name("bank")} {
		attempts.Go(func() {
			if output, ok := b.inside(from, fetch(name, 8080)); ok || !strings.Contains(output, "bad address") {
				b.Errorf("%s should not resolve %s: %s", from, name, output)
			}
		})
	}
}

// mirror is a host that everybody who can build the test images reaches.
const mirror = "deb.debian.org"

// wayOut asks for an address beyond the engine's host, and for the host itself at the end of a bridge: with egress both answer, without it neither does.
func (b *bench) wayOut(open, sealed string) {
	resolved := b.succeeds(open, "nslookup "+mirror+" | sed -n 's/^Address: //p' | grep -v : | tail -n 1")
	const answers = "wget -q -T 5 -O /dev/null http://%s/debian/dists/trixie/Release"
	b.succeeds(open, fmt.Sprintf(answers, mirror))
	for _, host := range []string{mirror, resolved} {
		if output, ok := b.inside(sealed, fmt.Sprintf(answers, host)); ok || strings.Contains(output, "server returned") {
			b.Errorf("the sealed container got an answer from %s: %s", host, output)
		}
	}
	const gateway = "ip route | sed -n 's/^default via \\([0-9.]*\\).*/\\1/p'"
	host := b.succeeds(open, gateway)
	if output, ok := b.asRoot(open, "ping -c 1 -W 2 "+host); !ok {
		b.Errorf("the control failed: %s cannot ping the host at %s: %s", open, host, output)
	}
	// Engines without a sense for internal networks give these a gateway, too.
	for _, host := range append(strings.Fields(b.succeeds(sealed, gateway)), host) {
		if output, ok := b.asRoot(sealed, "ping -c 1 -W 2 "+host); ok || strings.Contains(output, "Error") {
			b.Errorf("the sealed container should not ping the host at %s: %s", host, output)
		}
	}
}

// fetch is a shell line that asks a web server for a file that every test image has.
func fetch(host string, port int) string {
	return fmt.Sprintf("wget -q -T 2 -O /dev/null http://%s:%d/etc/passwd", host, port)
}

// asRoot runs a shell line in a container's network namespace with every right over it.
func (b *bench) asRoot(container, line string) (string, bool) {
	b.Helper()
	return b.attempt("run", "--rm", "--network", "container:"+container, busybox, "sh", "-c", line)
}

// addresses are a container's addresses by network.
func (b *bench) addresses(container string) map[string]string {
	b.Helper()
	found, err := b.engine.Container(b.Context(), container)
	if err != nil {
		b.Fatal(err)
	}
	addresses := map[string]string{}
	for _, endpoint := range found.Spec.Networks {
		addresses[endpoint.Network] = endpoint.Address
	}
	return addresses
}
