package gateway

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

//go:embed templates
var templates embed.FS

var templated = template.Must(template.ParseFS(templates, "templates/*.tmpl"))

// workers is the number of nginx worker processes: known, so that a reload can be watched to its end.
const workers = 2

// pagesPath is where nginx finds the routes' own pages; no request gets there by itself.
const pagesPath = "/.isolab/"

// rendering is the nginx configuration for a set of routes.
type rendering struct {
	// files of the generation's folder. Each route has two of its own, one for the http level and one for its
	// locations, so that nginx's "[emerg] … in …/locations/shop.dev.conf:12" names the route.
	files  map[string][]byte
	config func(folder string) []byte // of the main file, which includes those of folder
}

// digest is the same for the same configuration, whatever its folder.
func (r rendering) digest() string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		fmt.Fprintf(sum, "%s\x00%d\x00%s", name, len(r.files[name]), r.files[name])
	}
	sum.Write(r.config(""))
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// locationData is what the templates of one route see.
type locationData struct {
	Route
	Key, Bare, Unavailable, UnavailableAt string
	Literal                               string // the path as a pattern that matches nothing else
	ProjectZone, ClientZone               string
	Strict                                string // the variable that holds Strict-Transport-Security
	Headers                               []header
	Gateway                               serverData
}

// ZoneSize is the memory that the workers share about the containers, in KiB: nginx takes less than one for each.
func (d locationData) ZoneSize() int { return 64 + len(d.Upstreams) }

// serverData is what the templates of every server see.
type serverData struct {
	Settings
	ClientZone string
	Strict     string
}

// server is what answers to some host names.
type server struct {
	serverData
	Names     []string
	Default   bool // answers to all other names, too
	Root      bool // has a route for every path
	Locations []string
}

// render writes the configuration for routes, the same for the same routes in whatever order. A route with a value that
// could mean anything else to nginx than meant is refused with a [*RouteError].
func render(settings Settings, routes map[key]Route) (rendering, error) {
	if err := settings.validate(); err != nil {
		return rendering{}, fmt.Errorf("the gateway's settings: %w", err)
	}
	files := map[string][]byte{
		// nginx ignores this line, since it does not run as root, and says so with the path of the file: that is how
		// its log shows which generation it has begun to read.
		"main.conf": []byte("user nobody;\n"),
	}
	shared := newSharedConfig()
	common := serverData{
		Settings: settings, ClientZone: shared.zone("$binary_remote_addr", settings.Client.Rate, "4m", "gateway"),
		Strict: shared.strict(settings.TLS.StrictTransportSecurity),
	}
	own := &server{serverData: common, Names: settings.Hosts, Default: len(settings.Hosts) == 0}
	byHost := map[string]*server{"": own}
	var upstreams []string
	for _, key := range slices.SortedFunc(maps.Keys(routes), compareKeys) {
		route := routes[key]
		if err := route.validate(); err != nil {
			return rendering{}, key.fail(err)
		}
		if err := settings.admits(route); err != nil {
			return rendering{}, key.fail(err)
		}
		name := key.String()
		data := locationData{
			Route: route, Key: name, Bare: strings.TrimSuffix(route.Path, "/"), Literal: regexp.QuoteMeta(route.Path),
			Unavailable: route.unavailable(), UnavailableAt: "@" + name, Headers: route.Headers.headers(), Gateway: common,
			ProjectZone: shared.zone("project:"+route.Namespace, route.RateLimit.ProjectRate, "64k", "project_"+route.Namespace),
			ClientZone:  shared.zone(shared.client(route.RateLimit.ClientKey), route.RateLimit.ClientRate, "1m", "client_"+route.Namespace),
			Strict:      shared.strict(route.Headers.StrictTransportSecurity),
		}
		if route.Host == "" {
			data.Strict = common.Strict
		}
		if route.Page != "" {
			data.UnavailableAt = pagesPath + name + ".html"
			files["pages/"+name+".html"] = []byte(route.Page)
		}
		if route.BasicAuth.Username != "" {
			files["passwords/"+name] = route.BasicAuth.file()
		}
		if route.Serving {
			upstreams = append(upstreams, name)
			files["http/"+name+".conf"] = execute("upstream.conf.tmpl", data)
		}
		if byHost[route.Host] == nil {
			byHost[route.Host] = &server{serverData: common, Names: []string{route.Host}}
		}
		answering := byHost[route.Host]
		answering.Locations = append(answering.Locations, name)
		answering.Root = answering.Root || route.Path == "/"
		files["locations/"+name+".conf"] = execute("location.conf.tmpl", data)
	}
	files["shared.conf"] = shared.render()
	if settings.TLS.Enabled() {
		files["tls/certificate.pem"], files["tls/key.pem"] = []byte(settings.TLS.Certificate), []byte(settings.TLS.PrivateKey)
	}
	var servers []*server
	if !own.Default {
		servers = append(servers, &server{serverData: common, Default: true})
	}
	for _, host := range slices.Sorted(maps.Keys(byHost)) {
		servers = append(servers, byHost[host])
	}
	return rendering{files: files, config: func(folder string) []byte {
		return execute("nginx.conf.tmpl", map[string]any{
			"Folder": folder, "Workers": workers, "Port": listenPort, "TLSPort": listenTLSPort, "StatusPort": statusPort,
			"Settings": settings, "Upstreams": upstreams, "Servers": servers, "Pages": pagesPath,
		})
	}}, nil
}

func compareKeys(a, b key) int { return strings.Compare(a.String(), b.String()) }

func execute(name string, data any) []byte {
	var buffer bytes.Buffer
	if err := templated.ExecuteTemplate(&buffer, name, data); err != nil {
		panic(err) // the templates are part of the program
	}
	return buffer.Bytes()
}
