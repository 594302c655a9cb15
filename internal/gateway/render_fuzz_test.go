package gateway

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
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
	f.Add("shop", "web", "dev", "", "10.96.0.2:3000", "round_robin", "development", 0, int64(0), int64(0), 10, 20, uint8(0xff))
	f.Add("shop", "web", "dev", "/projects/shop/v1.2/", "10.96.0.2:3000", "ip_hash", "testing", 8080, int64(time.Second), int64(1), 0, 0, uint8(0))
	f.Add("a", "b", "c", "/projects/a/;return 200;/", "10.0.0.1:80; server 1.1.1.1:80", "least_conn; random", "paused", -1, int64(-1), int64(-1), -1, 1<<40, uint8(3))
	f.Add("shop\n", "w.eb", "dev}", "/projects/shop/$host/", "[::1]:80", "", "\"; return 200 \"", 1<<20, int64(1)<<62, int64(1)<<62, 1, 1, uint8(4))
	f.Add("shop", "web", "dev", "/projects/shop/\"'\\#{}/", "10.96.0.2:03000", "least_conn", "failed", 65535, int64(24*time.Hour), int64(1)<<40, maxRate, maxRate, uint8(5))
	f.Add("shop", "web", "dev", "/projects/shop/a\x00b/\u2028/", "127.1:80", "round_robin", "deployment", 1, int64(time.Millisecond), int64(1), 1, 0, uint8(6))
	test := func(*testing.T, rendering) {}
	if os.Getenv("TF_ACC") != "" {
		test = realNginx(f)
	}
	f.Fuzz(func(t *testing.T, namespace, name, environment, path, upstream, balancing, phase string, port int, silence, body int64, rate, burst int, flags uint8) {
		is := func(bit uint8) bool { return flags&(1<<bit) != 0 }
		route := Route{
			Namespace: namespace, Name: name, Environment: environment, Path: path, Port: port, Phase: lifecycle.Phase(phase),
			LoadBalancing: LoadBalancing(balancing), ReadTimeout: time.Duration(silence), MaxBodySize: body,
			RateLimit: RateLimit{ProjectRate: rate, ProjectBurst: burst, ClientRate: rate, ClientBurst: burst},
			Serving:   is(0), StripPrefix: is(1), WebSocket: is(2), SecurityHeaders: is(3), Buffering: is(4), Upstreams: []string{upstream},
		}.withDefaults()
		got, err := render(asSet(route))
		var refused *RouteError
		if errors.As(err, &refused) {
			return
		}
		if err != nil {
			t.Fatalf("refused, but not as a route: %v", err)
		}
		harmless := route
		harmless.Namespace, harmless.Name, harmless.Environment, harmless.Path = "shop", "web", "dev", "/projects/shop/"
		harmless.Upstreams, harmless.Port, harmless.ReadTimeout, harmless.MaxBodySize = []string{"10.96.0.2:3000"}, 0, time.Minute, 1000
		if rate > 0 {
			harmless.RateLimit = RateLimit{ProjectRate: 1, ProjectBurst: min(burst, 1), ClientRate: 1, ClientBurst: min(burst, 1)}
		}
		if got, want := shape(got), shape(mustRender(t, harmless)); got != want {
			t.Errorf("%+v renders as\n%s\ninstead of\n%s", route, got, want)
		}
		test(t, got)
	})
}

// shape is what nginx reads without the values: the number of words of each directive and, of all but the first, nothing.
func shape(r rendering) string {
	var text strings.Builder
	for _, kind := range []string{"limits.conf", "http/", "locations/"} {
		for _, name := range slices.Sorted(maps.Keys(r.files)) {
			if strings.HasPrefix(name, kind) {
				text.WriteString(kind + "\n" + directives(string(r.files[name])))
			}
		}
	}
	return text.String() + directives(string(r.config("/folder")))
}

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
