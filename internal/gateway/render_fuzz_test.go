package gateway

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isolab/terraform-provider-isolab/internal/lifecycle"
	"github.com/isolab/terraform-provider-isolab/internal/volume"
)

// FuzzRender puts everything that comes from outside into a route. What the renderer does not refuse has the very
// directives of a route with harmless values, each with as many arguments, and passes nginx's own test where there is an
// engine: go test ./internal/gateway -fuzz FuzzRender, with TF_ACC=1 for the latter.
func FuzzRender(f *testing.F) {
	add := func(namespace, path, host, upstream, choices, text, name string, number int64, small int, flags uint16) {
		f.Add(namespace, path, host, upstream, choices, text, name, number, small, flags)
	}
	while := int64(10 * time.Minute)
	add("shop", "", "", "10.96.0.2:3000", "round_robin development SAMEORIGIN no-referrer address", "a.b/c", "ann", 0, 2, 0x0fbf)
	add("shop", "/projects/shop/v1.2/", "", "10.96.0.2:3000", "ip_hash testing DENY origin header:X-Api-Key", "a.b", "10.0.0.0/8", 0, 0, 0x37bf)
	add("shop", "/", "shop.example.com", "10.96.0.2:3000", "least_conn deployment DENY origin address", "camera=()", "10.0.0.0/8", while, 3, 0xb7bf)
	add("shop", "/a/", "b.shop.example.com", "10.96.0.2:3000", "round_robin deployment DENY origin address", "a.b", "ann", while, 100, 0x6fff)
	add("a", "/projects/a/;return 200;/", "a.example.com;", "10.0.0.1:80; server 1.1.1.1:80", "least_conn; paused ALLOWALL; \"x header:X-$host", "x\"; return 200 \"", "ann:x\nbob", -1, -1, 3)
	add("shop\n", "/projects/shop/$host/", "*.example.com", "[::1]:80", "random \"; ;} # header:a\nb", "a\\", "$6$", int64(1)<<62, 1<<20, 4)
	add("shop", "/projects/shop/\"'\\#{}/", "127.0.0.1", "10.96.0.2:03000", "least_conn failed DENY origin header:A", "${x}", "", int64(24*time.Hour), 65535, 5)
	add("shop", "/projects/shop/a\x00b/\u2028/", "xn--0.example.com", "127.1:80", "round_robin created DENY origin address", "\n", "10.0.0.0/8", int64(time.Millisecond), 1, 6)
	test := func(*testing.T, rendering) {}
	if os.Getenv("TF_ACC") != "" {
		test = realNginx(f)
	}
	f.Fuzz(func(t *testing.T, namespace, path, host, upstream, choices, text, name string, number int64, small int, flags uint16) {
		is := func(bit uint8) bool { return flags&(1<<bit) != 0 }
		when := func(bit uint8, value string) string {
			if is(bit) {
				return value
			}
			return ""
		}
		chosen := append(strings.Split(choices, " "), "", "", "", "", "")
		route := Route{
			Namespace: namespace, Name: "web", Environment: "dev", Host: host, Path: path, Port: small, Phase: lifecycle.Phase(chosen[1]),
			Balance:     Balance{LoadBalancing: LoadBalancing(chosen[0]), MaxFails: small, FailTimeout: time.Duration(number)},
			ReadTimeout: time.Duration(number), MaxBodySize: number, Connections: ConnectionLimit{Project: small, Client: small},
			RateLimit: RateLimit{ProjectRate: small, ProjectBurst: small, ClientRate: small, ClientBurst: small, ClientKey: chosen[4]},
			Headers: SecurityHeaders{
				NoSniff: is(0), FrameOptions: when(1, chosen[2]), ReferrerPolicy: when(2, chosen[3]), PermissionsPolicy: when(3, text),
				ContentSecurityPolicy: when(4, text), StrictTransportSecurity: time.Duration(number),
			},
			Page: when(5, text), Maintenance: is(6), Serving: is(7), StripPrefix: is(8), WebSocket: is(9), Buffering: is(10),
			Upstreams: []string{upstream}, Weights: map[string]int{upstream: small},
		}.withDefaults()
		if is(11) {
			route.BasicAuth = BasicAuth{Username: name, Hash: "$6$" + text}
		}
		if is(12) {
			route.Allow = []string{name}
		}
		settings := Settings{Domain: "example.com", AccessLog: is(13), Client: ClientLimit{small, small, small}}.withDefaults()
		if is(14) {
			settings.Hosts, settings.Domain, settings.CustomHosts = []string{"www." + host}, text, map[string]string{host: namespace}
		}
		if is(15) {
			settings.TrustedProxies, settings.DrainTimeout = []string{name}, time.Duration(number)
		}
		if settings.validate() != nil {
			if _, err := render(settings, nil); err == nil {
				t.Error("settings that are not valid are rendered")
			}
			settings = Settings{Domain: "example.com"}.withDefaults()
		}
		got, err := render(settings, asSet(route))
		var refused *RouteError
		if errors.As(err, &refused) {
			return
		}
		if err != nil {
			t.Fatalf("refused, but not as a route: %v", err)
		}
		harmless := route
		harmless.Namespace, harmless.Path = "shop", map[bool]string{true: "/", false: "/projects/shop/"}[route.Path == "/"]
		harmless.Upstreams, harmless.Weights, harmless.Port, harmless.ReadTimeout, harmless.MaxBodySize = []string{"10.96.0.2:3000"}, nil, 0, time.Minute, 1000
		if weight, ok := route.Weights[upstream]; ok {
			harmless.Weights = map[string]int{"10.96.0.2:3000": weight}
		}
		bound := func(value, most int) int { return max(0, min(value, most)) }
		harmless.RateLimit = RateLimit{
			ProjectRate: bound(small, 1), ProjectBurst: bound(small, 1), ClientRate: bound(small, 1), ClientBurst: bound(small, 1),
			ClientKey: map[bool]string{true: "address", false: "header:A"}[chosen[4] == "address" || chosen[4] == ""],
		}
		for _, one := range []*string{&harmless.Headers.FrameOptions, &harmless.Headers.ReferrerPolicy, &harmless.Headers.PermissionsPolicy, &harmless.Headers.ContentSecurityPolicy} {
			if *one != "" {
				*one = map[bool]string{true: "DENY", false: "origin"}[one == &harmless.Headers.FrameOptions]
			}
		}
		if harmless.Headers.StrictTransportSecurity != 0 {
			harmless.Headers.StrictTransportSecurity = time.Hour
		}
		if len(route.Allow) > 0 {
			harmless.Allow = []string{"10.0.0.0/8"}
		}
		if route.BasicAuth.Username != "" {
			harmless.BasicAuth = BasicAuth{Username: "ann", Hash: "$6$a$b"}
		}
		plain := settings
		if slices.Contains(settings.TrustedProxies, TrustHost) {
			settings.TrustedProxies = nil // it never gets to the renderer
		}
		if len(settings.TrustedProxies) > 0 {
			plain.TrustedProxies = []string{"10.0.0.0/8"}
		}
		plain.Domain, plain.CustomHosts = "", nil
		if route.Host != "" {
			harmless.Host, plain.CustomHosts = "a.b", map[string]string{"a.b": "shop"}
		}
		if len(settings.Hosts) > 0 {
			plain.Hosts = []string{"c.d"}
		}
		if got, want := shape(got), shape(mustRenderWith(t, plain, harmless)); got != want {
			t.Errorf("%+v renders as\n%s\ninstead of\n%s", route, got, want)
		}
		test(t, got)
	})
}

// shape is what nginx reads without the values: the number of words of each directive and, of all but the first, nothing.
func shape(r rendering) string {
	var text strings.Builder
	for _, kind := range []string{"shared.conf", "http/", "locations/"} {
		for _, name := range slices.Sorted(maps.Keys(r.files)) {
			if strings.HasPrefix(name, kind) {
				text.WriteString(kind + "\n" + directives(string(r.files[name])))
			}
		}
	}
	return keys.ReplaceAllString(text.String()+directives(string(r.config("/folder"))), "network ")
}

// keys are the networks of a geo block, which stand where other blocks have directives.
var keys = regexp.MustCompile(`(?m)^[0-9a-f.:]+/[0-9]+ `)

// directives lists the directives of a configuration as nginx's lexer sees them (ngx_conf_read_token): words end at white
// space, semicolons and braces, quotes hold them together, # begins a comment at the start of a word.
func directives(config string) string {
	var lines, words []string
	var word strings.Builder
	inWord := false
	end := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	line := func(mark string) {
		end()
		if len(words) > 0 || mark == "}" {
			lines = append(lines, strings.Join(append(words[:min(len(words), 1)], strings.Repeat("_", max(0, len(words)-1))+mark), " "))
		}
		words = nil
	}
	for i := 0; i < len(config); i++ {
		switch char := config[i]; {
		case char == '\\' && i+1 < len(config):
			inWord = true
			word.WriteString(config[i : i+2])
			i++
		case (char == '"' || char == '\'') && !inWord:
			inWord = true
			for i++; i < len(config) && config[i] != char; i++ {
				if config[i] == '\\' {
					i++
				}
			}
		case char == '#' && !inWord:
			for i < len(config) && config[i] != '\n' {
				i++
			}
		case char == ' ' || char == '\t' || char == '\r' || char == '\n':
			end()
		case char == ';':
			line(";")
		case char == '{' && !strings.HasSuffix(word.String(), "$"):
			line("{")
		case char == '}' && !inWord:
			line("}")
		default:
			inWord = true
			word.WriteByte(char)
		}
	}
	line("")
	return strings.Join(lines, "\n") + "\n"
}

// realNginx lets the nginx of the fixture image test renderings.
func realNginx(f *testing.F) func(*testing.T, rendering) {
	f.Helper()
	run := exec.CommandContext(f.Context(), "docker", "run", "--rm", "--detach", "--init", "--user", "1000:1000", "--network", "none", "isolab-fixture/nginx:1", "sleep", "1800")
	output, err := run.CombinedOutput()
	if err != nil {
		f.Fatalf("start nginx's container: %v\n%s", err, output)
	}
	container := strings.TrimSpace(string(output))
	f.Cleanup(func() {
		if output, err := exec.Command("docker", "rm", "--force", container).CombinedOutput(); err != nil {
			f.Errorf("remove nginx's container: %v\n%s", err, output)
		}
	})
	return func(t *testing.T, r rendering) {
		files := maps.Clone(r.files)
		files[configFile] = r.config("/tmp/fuzz")
		check := exec.CommandContext(t.Context(), "docker", "exec", "--interactive", container, "sh", "-c",
			"rm -rf /tmp/fuzz && tar -x -C /tmp && exec nginx -t -c /tmp/fuzz/"+configFile)
		check.Stdin = volume.Pack("fuzz", 0, files)
		var said bytes.Buffer
		check.Stdout, check.Stderr = &said, &said
		if err := check.Run(); err != nil {
			t.Errorf("nginx refuses what was rendered: %v\n%s", err, said.String())
		}
	}
}

func TestDirectivesAreThoseThatNginxReads(t *testing.T) {
	for config, want := range map[string]string{
		"a b c;":                          "a __;\n",
		"a b;c d;":                        "a _;\nc _;\n",
		"a 'b;c';":                        "a _;\n",
		`a "b\";c";`:                      "a _;\n",
		"a b\n;# c;\nd;":                  "a _;\nd ;\n",
		"a#b;":                            "a#b ;\n",
		"if ($x ~ y) { return 400; }":     "if ___{\nreturn _;\n}\n",
		"a ${b}c;":                        "a _;\n",
		"server { listen 1; } server { }": "server {\nlisten _;\n}\nserver {\n}\n",
	} {
		if got := directives(config); got != want {
			t.Errorf("%s: %q instead of %q", config, got, want)
		}
	}
}
