// Package testcode writes what was done in a world of `ferry dev` as a test: a Go test with
// ferrytest, and a shell script with the AWS CLI and curl.
//
// The journal says which calls there were, in which order; the simulator has the messages, the
// files and the people. What cannot be repeated, because its content is not kept, becomes a
// note.
package testcode

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/sample"
	"ferry/metasim"
)

const (
	maxSteps    = 200              // of a recording; older ones are left out
	maxEmbedded = 64 << 10         // bytes of a file that is written into the code
	minPause    = 10 * time.Minute // of the world's clock, which is then moved on
)

// Config is where a recording comes from.
type Config struct {
	Simulator *metasim.Server
	// Entries are those of the journal, oldest first.
	Entries []activity.Entry
	// Object returns an object of S3, or false.
	Object func(bucket, key string) (data []byte, contentType string, ok bool)
	// Sample is what every world has.
	Sample
}

// Sample is what is the same in every world.
type Sample struct {
	Bucket  string
	Numbers [2]Number
}

// Number is the ids of a business phone number: Meta's, and AWS's without its prefix.
type Number struct{ MetaID, StoredID string }

// About says what a recording is about. Both empty means everything.
type About struct {
	Person string // wa_id
	ID     string // of a call, a message (Meta's or AWS's), or a file; or s3://bucket/key
}

// A Recording is what was done, as steps that can be repeated.
type Recording struct {
	Notes  []string // what is not repeated, and what differs
	people []person
	steps  []step
}

// IsEmpty reports whether nothing can be repeated.
func (r *Recording) IsEmpty() bool { return len(r.steps) == 0 }

// Steps returns the number of steps.
func (r *Recording) Steps() int { return len(r.steps) }

// person is somebody of a recording.
type person struct {
	name   string // of the variable
	waID   string
	number int // index in Config.Numbers of the business's number
}

// A step is one thing to repeat.
type step struct {
	kind     string // put, post, send, graph, get, delete, template, fault, advance, inbound, change, delivered, read, failed, offline
	name     string // of the variable with what it makes: a media id, a message, an entry
	number   int    // of the business
	person   *person
	file     file
	key      string // of an object
	text     string // JSON with marks
	id       string // of what it is about, with marks
	code     string // exception, or Meta's error code
	version  string // of the Graph API
	pause    time.Duration
	change   []string // offline, online, blocks, unblocks, leaves
	template struct{ account, name string }
	fault    metasim.Fault
}

// file is the bytes of a file, or the sample that has them.
type file struct {
	name, mime string
	sample     string // its name, if there is one
	data       []byte
}

// collector makes a Recording.
type collector struct {
	Config
	about     About
	recording Recording
	variables map[string]string // by an id of the world: of media and messages
	wamids    map[string]string // by message ids of AWS
	through   map[string]bool   // wamids of messages that were sent through ferry
	wanted    map[string]bool   // ids that the recording is about; nil means all
	people    map[string]*person
	templates map[string]bool
	callers   map[string]string   // traces of the calls that made requests, by Meta's trace ids
	faults    map[string][]step   // those that have acted on the requests of a call, by its trace; on one of another program, by its wamid
	removed   map[string][]string // ids of those that do not exist any more, as faults
	time      time.Time           // of the last step whose time is known
	count     map[string]int
}

// Record returns what a recording is about, as steps.
func Record(config Config, about About) *Recording {
	c := &collector{
		Config: config, about: about, variables: map[string]string{}, wamids: map[string]string{}, through: map[string]bool{},
		people: map[string]*person{}, templates: map[string]bool{}, count: map[string]int{},
		callers: map[string]string{}, faults: map[string][]step{}, removed: map[string][]string{},
	}
	c.join()
	c.selectIDs()
	c.joinFaults()
	for _, e := range config.Entries {
		c.entry(e)
	}
	c.end()
	return &c.recording
}

func (c *collector) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(c.recording.Notes, text) {
		c.recording.Notes = append(c.recording.Notes, text)
	}
}

// join finds which message of AWS's is which of Meta's, and which call made which request.
func (c *collector) join() {
	for _, e := range c.Entries {
		if e.Kind == activity.Graph && e.MetaTrace != "" {
			c.callers[e.MetaTrace] = e.Trace
		}
		if e.Kind == activity.Send && e.WAMID != "" && e.MessageID != "" {
			c.wamids[e.MessageID], c.through[e.WAMID] = e.WAMID, true
		}
	}
}

// selectIDs finds the ids that the recording is about, with what belongs to them.
func (c *collector) selectIDs() {
	if c.about == (About{}) {
		return
	}
	c.wanted = map[string]bool{}
	id := c.about.ID
	for _, e := range c.Entries {
		if id != "" && slices.Contains([]string{e.Trace, e.MessageID, e.WAMID, e.MediaID, e.Object, e.MetaTrace}, id) && e.Trace != "" {
			for _, one := range []string{e.Trace, e.MessageID, e.WAMID, e.MediaID} {
				c.want(one)
			}
		}
	}
	c.want(id)
	c.want(c.wamids[id])
	for again := true; again; { // until nothing more belongs to it
		before := len(c.wanted)
		for _, m := range c.Simulator.Messages() {
			c.relate(m.ID, m.ContextID, m.Content, c.about.Person != "" && m.WAID == c.about.Person)
		}
		for _, n := range c.Numbers {
			for _, w := range c.Simulator.Written(n.MetaID, "") {
				answers := id != "" && (c.wanted[w.ContextID] && w.ContextID != "" || c.reactsToWanted(w))
				c.relate(w.ID, w.ContextID, nil, c.about.Person != "" && w.WAID == c.about.Person || answers)
			}
		}
		again = len(c.wanted) != before
	}
}

func (c *collector) want(id string) {
	if id != "" {
		c.wanted[id] = true
	}
}

// relate adds what belongs to a message, if that is wanted: what it replies to, and its files.
func (c *collector) relate(id, context string, content json.RawMessage, isAbout bool) {
	if isAbout {
		c.want(id)
	}
	for _, mediaID := range idsIn(content) {
		if c.wanted[mediaID] {
			c.want(id)
		}
	}
	if !c.wanted[id] {
		return
	}
	c.want(context)
	for _, mediaID := range idsIn(content) {
		c.want(mediaID)
	}
}

func (c *collector) reactsToWanted(w metasim.Written) bool {
	var reaction struct {
		MessageID string `json:"message_id"`
	}
	return w.Type == "reaction" && json.Unmarshal(w.Content, &reaction) == nil && c.wanted[reaction.MessageID]
}

// idsIn returns the members id of JSON, which name files.
func idsIn(content json.RawMessage) (ids []string) {
	var value any
	if json.Unmarshal(content, &value) != nil {
		return nil
	}
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			if id, ok := v["id"].(string); ok && len(id) > 5 && strings.Trim(id, "0123456789") == "" {
				ids = append(ids, id)
			}
			for _, member := range v {
				walk(member)
			}
		case []any:
			for _, element := range v {
				walk(element)
			}
		}
	}
	walk(value)
	return ids
}

// isWanted reports whether the recording is about one of the ids.
func (c *collector) isWanted(ids ...string) bool {
	return c.wanted == nil || slices.ContainsFunc(ids, func(id string) bool { return id != "" && c.wanted[id] })
}

// add adds a step at a time of the world's clock, which is zero if it is not known.
func (c *collector) add(at time.Time, s step) {
	if !at.IsZero() {
		if pause := at.Sub(c.time); !c.time.IsZero() && pause >= minPause {
			c.recording.steps = append(c.recording.steps, step{kind: "advance", pause: pause.Round(time.Second)})
		}
		if at.After(c.time) {
			c.time = at
		}
	}
	c.recording.steps = append(c.recording.steps, s)
}

// variable returns the name of a new variable.
func (c *collector) variable(kind string) string {
	c.count[kind]++
	return fmt.Sprint(kind, c.count[kind])
}

// numberOf returns the index of a phone number by either of its ids.
func (c *collector) numberOf(id string) int {
	for i, n := range c.Numbers {
		if id == n.MetaID || id == n.StoredID {
			return i
		}
	}
	if id != "" {
		c.note("The phone number %s is not one of the sample account: its part is played by the first one.", id)
	}
	return 0
}

// person returns a person in the conversation with a number.
func (c *collector) person(waID, numberID string) *person {
	number := c.numberOf(numberID)
	key := fmt.Sprint(waID, "/", number)
	if p, ok := c.people[key]; ok {
		return p
	}
	p := &person{name: c.variable("person"), waID: waID, number: number}
	c.people[key] = p
	c.recording.people = append(c.recording.people, *p)
	return p
}

// fileOf returns a file as code can have it.
func (c *collector) fileOf(name, mime string, data []byte) file {
	for _, f := range sample.Files() {
		if string(f.Data) == string(data) {
			return file{name: name, mime: mime, sample: f.Name, data: data}
		}
	}
	for _, f := range sample.BadFiles() {
		if string(f.Data) == string(data) {
			return file{name: name, mime: mime, sample: f.Name, data: data}
		}
	}
	if len(data) <= maxEmbedded {
		return file{name: name, mime: mime, data: data}
	}
	for _, f := range sample.Files() {
		if f.ContentType == mime {
			c.note("%s has %d bytes: its part is played by the sample %s.", name, len(data), f.Name)
			return file{name: name, mime: mime, sample: f.Name, data: f.Data}
		}
	}
	c.note("%s has %d bytes, and is cut off after %d.", name, len(data), maxEmbedded)
	return file{name: name, mime: mime, data: data[:maxEmbedded]}
}

// end keeps the last steps only, and drops what they do not need.
func (c *collector) end() {
	r := &c.recording
	if more := len(r.steps) - maxSteps; more > 0 {
		c.note("Only the last %d of %d steps are here.", maxSteps, len(r.steps))
		r.steps = r.steps[more:]
	}
	sort.Slice(r.people, func(i, j int) bool { return len(r.people[i].name) < len(r.people[j].name) })
}
