// Package naming decides what every object on the engine is called and labelled. All names of one project start with
// its namespace; since a namespace and the other names are DNS labels, the underscore between the parts keeps
// ("a-b", "c") and ("a", "b-c") apart.
package naming

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// MaxLength of a namespace and of the other names that users choose, in characters. Three of them with separators stay
// below the 253 characters of a DNS name and leave room in the 128 of an nginx zone.
const MaxLength = 40

// Rule says in words what [Valid] accepts.
const Rule = "1 to 40 characters, lower-case letters, digits and single hyphens, starting with a letter and not ending with a hyphen"

var label = regexp.MustCompile(`^[a-z](?:-?[a-z0-9])*$`)

// Valid reports whether name can be a namespace or the name of an environment, volume, route or gateway: a DNS label
// (RFC 1123) that starts with a letter and has no double hyphen.
func Valid(name string) bool {
	return len(name) <= MaxLength && label.MatchString(name)
}

// Network is the name of a project's internal network.
func Network(namespace string) string { return "isolab_" + namespace }

// EgressNetwork is the name of the network through which a project's containers leave the host.
func EgressNetwork(namespace string) string { return "isolab_" + namespace + "_egress" }

// Workspace is the name of a project's workspace volume.
func Workspace(namespace string) string { return "isolab_" + namespace + "_workspace" }

// Key is the name of the volume that holds a project's key.
func Key(namespace string) string { return "isolab_" + namespace + "_key" }

// Volume is the name on the engine of a volume that the project's environments call name.
func Volume(namespace, name string) string { return "isolab_" + namespace + "_volume_" + name }

// Record is the name of the volume that holds one revision of a project's record.
func Record(namespace string, revision int) string {
	return fmt.Sprintf("isolab_%s_record_%d", namespace, revision)
}

// Container is the name of an environment's container; replicas count from 1.
func Container(namespace, environment string, replica int) string {
	return fmt.Sprintf("isolab_%s_%s_%d", namespace, environment, replica)
}

// The ends of the names of containers that do not, or no longer, stand for their replica. No name that users choose has
// an underscore, so that neither is the name of another object.
const (
	SuccessorSuffix = "_next"
	RetiredSuffix   = "_last"
)

// Successor is the name of the container that is to take another's place, until it does.
func Successor(container string) string { return container + SuccessorSuffix }

// Retired is the name of a container whose place has been taken, until it is removed.
func Retired(container string) string { return container + RetiredSuffix }

// Alias is the name under which the containers of an environment find each other. It ends with the namespace, so that
// no project can choose one that answers for another's.
func Alias(namespace, environment string) string { return environment + "." + namespace + ".isolab" }

// Gateway is the name of a gateway's container, of its network and of its volume.
func Gateway(name string) string { return "isolab-gateway_" + name }

// GatewayFiles names the container, never started, through which a gateway's volume is read and written.
func GatewayFiles(name string) string { return Gateway(name) + "_files" }

// DataNamespace is the name of the volume that holds one revision of what is known of a project's data in a shared service.
func DataNamespace(namespace, name string, revision int) string {
	return fmt.Sprintf("isolab_%s_data_%s_%d", namespace, name, revision)
}

// Service is the name of a shared service's container and of its own network.
func Service(name string) string { return "isolab-service_" + name }

// ServiceVolume is the name on the engine of a volume that a shared service calls name.
func ServiceVolume(service, name string) string { return Service(service) + "_volume_" + name }

// ServiceFiles is the name of the volume with a shared service's configuration files of one folder.
func ServiceFiles(service, folder string) string {
	return Service(service) + "_files" + strings.ReplaceAll(strings.TrimSuffix(folder, "/"), "/", "_")
}

// ServiceOffer is the name of the volume whose label says to which projects a shared service is offered.
func ServiceOffer(service string) string { return Service(service) + "_offer" }

// RoutePath is the path under which a project's routes live on a gateway.
func RoutePath(namespace string) string { return "/projects/" + namespace + "/" }

// SplitID takes the two parts of an import id like "shop/dev".
func SplitID(id string) (first, second string, ok bool) {
	first, second, ok = strings.Cut(id, "/")
	return first, second, ok && Valid(first) && Valid(second)
}

// MaxPrefix is how long a prefix may be so that [Unique] makes a valid name of it, in characters.
const MaxPrefix = MaxLength - len("-1700000000-abcdef")

// Unique completes a prefix with the Unix time and random letters, so that no two calls give the same name.
func Unique(prefix string) string {
	return fmt.Sprintf("%s-%d-%s", prefix, time.Now().Unix(), strings.ToLower(rand.Text()[:6]))
}
