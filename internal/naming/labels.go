package naming

import (
	"maps"
	"strings"
)

// LabelPrefix starts every label that is the provider's own. Users cannot set one of these.
const LabelPrefix = "isolab."

// The provider's labels. Every object on the engine carries LabelRole; everything of a project LabelProject too.
const (
	LabelRole        = "isolab.role"        // one of the Role values
	LabelProject     = "isolab.project"     // namespace
	LabelRecord      = "isolab.record"      // the project's record as JSON, on record volumes
	LabelWriter      = "isolab.writer"      // random: who created this record revision
	LabelEnvironment = "isolab.environment" // name
	LabelKind        = "isolab.kind"        // kind of the environment
	LabelReplica     = "isolab.replica"     // counting from 1
	LabelSpec        = "isolab.spec"        // what was asked for, as JSON
	LabelAddress     = "isolab.address"     // fixed address on the internal network
	LabelPort        = "isolab.port"        // the port on which the environment serves
	LabelGateway     = "isolab.gateway"     // name
	LabelVolume      = "isolab.volume"      // the name that environments use
	LabelService     = "isolab.service"     // name of a shared service
	LabelOffer       = "isolab.offer"       // to which projects a shared service is offered, as JSON
)

// The roles of objects on the engine.
const (
	RoleRecord        = "record"
	RoleKey           = "key"
	RoleNetwork       = "network"
	RoleEgress        = "egress"
	RoleWorkspace     = "workspace"
	RoleVolume        = "volume"
	RoleEnvironment   = "environment"
	RoleGateway       = "gateway"
	RoleService       = "service"
	RoleDataNamespace = "data-namespace"
	RoleOffer         = "offer"
	RoleHelper        = "helper" // never started: carries files into and out of a volume
	RoleLock          = "lock"
)

// Labels merges label maps; later ones win. The provider's own come last at every call, so that nothing overrides them.
func Labels(maps ...map[string]string) map[string]string {
	merged := map[string]string{}
	for _, labels := range maps {
		for key, value := range labels {
			merged[key] = value
		}
	}
	return merged
}

// own are the labels that say whose an object is. An engine adds an image's labels to its containers', so every container
// is made with all of these: an image must not make its container look like somebody else's.
var own = []string{
	LabelRole, LabelProject, LabelRecord, LabelWriter, LabelEnvironment, LabelKind, LabelReplica, LabelSpec, LabelAddress,
	LabelPort, LabelGateway, LabelVolume, LabelService, LabelOffer,
}

// Sealed are labels with every one of the provider's own, empty where labels does not have it.
func Sealed(labels map[string]string) map[string]string {
	sealed := make(map[string]string, len(labels)+len(own))
	for _, key := range own {
		sealed[key] = ""
	}
	maps.Copy(sealed, labels)
	return sealed
}

// Unsealed are labels without the provider's own that are empty.
func Unsealed(labels map[string]string) map[string]string {
	unsealed := maps.Clone(labels)
	maps.DeleteFunc(unsealed, func(key, value string) bool { return value == "" && strings.HasPrefix(key, LabelPrefix) })
	return unsealed
}
