package naming

import "strings"

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
	LabelExpires     = "isolab.expires"     // Unix seconds after which a lock counts as abandoned
)

// The roles of objects on the engine.
const (
	RoleRecord      = "record"
	RoleNetwork     = "network"
	RoleEgress      = "egress"
	RoleWorkspace   = "workspace"
	RoleVolume      = "volume"
	RoleEnvironment = "environment"
	RoleGateway     = "gateway"
	RoleHelper      = "helper" // never started: carries files into and out of a volume
	RoleLock        = "lock"
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

// UserLabels is the part of labels that is not the provider's own.
func UserLabels(labels map[string]string) map[string]string {
	user := map[string]string{}
	for key, value := range labels {
		if !strings.HasPrefix(key, LabelPrefix) {
			user[key] = value
		}
	}
	return user
}
