package policy

import (
	"net/netip"
	"strings"
	"time"
)

// evaluation is the state of one call of Evaluate. It matches each list of a document at most once, and looks up each
// key at most once.
type evaluation struct {
	request Request
	found   [resourceTag]foundValues // of the keys without tags
	tag     foundValues              // of the last tag that was looked up
	tagName string
	err     error // of the context; nothing is allowed then

	document           *Document
	actions, resources [maxLists]answer // of the lists of document

	space [256]byte // for expand

	lastDate, lastAddress, lastARN string // what was split or parsed last, and the results
	date                           time.Time
	address                        netip.Addr
	arn                            [arnParts]string
	isDate, isAddress, isARN       bool
}

type foundValues struct {
	isKnown bool
	values  []string
}

// answer says whether a list matches.
type answer uint8

const (
	unknown answer = iota
	no
	yes
)

func answerOf(b bool) answer {
	if b {
		return yes
	}
	return no
}

// begin prepares for the statements of a document.
func (e *evaluation) begin(d *Document) {
	e.document = d
	clear(e.actions[:len(d.actions)])
	clear(e.resources[:len(d.resources)])
}

// isAction reports whether a statement of the document is about the requested action.
func (e *evaluation) isAction(s *statement) bool {
	if known := e.actions[s.actions]; known != unknown {
		return known == yes
	}
	return e.findAction(s.actions)
}

func (e *evaluation) findAction(list uint8) bool {
	matches := e.document.actions[list].matches(e.request.Action)
	e.actions[list] = answerOf(matches)
	return matches
}

// isResource reports whether a statement of the document is about the requested resource.
func (e *evaluation) isResource(s *statement) bool {
	if known := e.resources[s.resources]; known != unknown {
		return known == yes
	}
	return e.findResource(s.resources)
}

func (e *evaluation) findResource(list uint8) bool {
	matches := e.document.resources[list].matches(e, e.request.Resource)
	e.resources[list] = answerOf(matches)
	return matches
}

// values returns the values of a key. There are none if the request does not have it.
func (e *evaluation) values(k *key) []string {
	if k.id < resourceTag && e.found[k.id].isKnown {
		return e.found[k.id].values
	}
	return e.lookUp(k)
}

func (e *evaluation) lookUp(k *key) []string {
	found := &e.tag
	if k.id < resourceTag {
		found = &e.found[k.id]
	} else if e.tagName != k.name {
		e.tagName, e.tag = k.name, foundValues{}
	}
	if !found.isKnown {
		found.isKnown = true
		if e.request.Context != nil && e.err == nil {
			found.values, e.err = e.request.Context(k.name)
		}
	}
	return found.values
}

// dateOf returns the date that a value of the request is.
func (e *evaluation) dateOf(value string) (time.Time, bool) {
	if e.lastDate != value || value == "" {
		e.lastDate = value
		e.date, e.isDate = parseDate(value)
	}
	return e.date, e.isDate
}

// addressOf returns the address that a value of the request is.
func (e *evaluation) addressOf(value string) (netip.Addr, bool) {
	if e.lastAddress != value || value == "" {
		e.lastAddress = value
		e.address, e.isAddress = parseAddress(value)
	}
	return e.address, e.isAddress
}

// partsOf returns the parts of an ARN that a value of the request is.
func (e *evaluation) partsOf(value string) (*[arnParts]string, bool) {
	if e.lastARN != value || value == "" {
		e.lastARN = value
		rest := value
		for i := range arnParts - 1 {
			e.arn[i], rest, e.isARN = strings.Cut(rest, ":")
			if !e.isARN {
				break
			}
		}
		e.arn[arnParts-1] = rest
	}
	return &e.arn, e.isARN
}
