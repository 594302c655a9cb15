package engine

import "errors"

// What can go wrong on an engine, as far as callers decide anything by it. The docker package wraps every failure
// with what was attempted on which object and, where it fits, one of these.
var (
	// ErrNotFound means that the engine answered and does not hold the object. No other failure means that.
	ErrNotFound = errors.New("not found on the engine")
	// ErrConflict means that the name is taken, or that the object is in use or in a state that forbids the operation.
	ErrConflict = errors.New("conflict on the engine")
	// ErrSubnetTaken means that a network's subnet overlaps with one that the engine already routes.
	ErrSubnetTaken = errors.New("subnet overlaps with another network")
	// ErrAddressTaken means that a container's fixed address is in use on its network.
	ErrAddressTaken = errors.New("address already in use")
	// ErrAmbiguous means that a container names a network of which the engine has two.
	ErrAmbiguous = errors.New("two networks of one name")
	// ErrDenied means that a registry or the engine refused the credentials.
	ErrDenied = errors.New("access denied")
	// ErrNoImage means that the engine neither holds an image nor could get it.
	ErrNoImage = errors.New("the image is not to be had")
	// ErrUnavailable means that no engine answered, so nothing is known about the object.
	ErrUnavailable = errors.New("engine unreachable")
	// ErrUnsupported means that this engine is too old for, or was built without, what was asked.
	ErrUnsupported = errors.New("not supported by this engine")
)
