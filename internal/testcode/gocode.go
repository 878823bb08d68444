package testcode

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/format"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// goWriter writes a Go test.
type goWriter struct {
	body    strings.Builder
	imports map[string]bool
	helpers map[string]bool
	used    map[string]bool // variables that a later step needs
}

func (g *goWriter) linef(format string, args ...any) { fmt.Fprintf(&g.body, format+"\n", args...) }

// Go returns a Go test that repeats the recording.
func (r *Recording) Go() (string, error) {
	g := &goWriter{imports: map[string]bool{"testing": true, "ferry/ferrytest": true}, helpers: map[string]bool{}, used: r.usedVariables()}
	for i := range r.steps {
		g.step(&r.steps[i])
	}
	var code strings.Builder
	code.WriteString("package session_test\n\nimport (\n")
	writeHelpers := g.helperCode() // which adds imports
	for group := range 3 {         // the standard library, others, ferry
		for _, path := range slices.Sorted(maps.Keys(g.imports)) {
			of := 0
			switch {
			case strings.HasPrefix(path, "ferry/"):
				of = 2
			case strings.Contains(path, "."):
				of = 1
			}
			if of == group {
				fmt.Fprintf(&code, "%q\n", path)
			}
		}
		code.WriteString("\n")
	}
	code.WriteString(")\n\n// TestSession repeats what was done in ferry dev. Put your program in place of the calls of\n// ferry's API: what people do, and what is awaited, stays.\n")
	for _, note := range r.Notes {
		code.WriteString("//\n// " + oneLine(note) + "\n")
	}
	code.WriteString("func TestSession(t *testing.T) {\nw := ferrytest.Start(t)\n")
	body := g.body.String()
	for _, p := range r.people {
		if !strings.Contains(body, p.name+".") && !strings.Contains(body, p.name+",") && !strings.Contains(body, p.name+")") {
			continue
		}
		to := ""
		if p.number == 1 {
			to = ".To(w.MetaPhoneNumberID2)"
		}
		fmt.Fprintf(&code, "%s := w.Person(%q)%s\n", p.name, "+"+p.waID, to)
	}
	code.WriteString("\n" + body + "}\n" + writeHelpers)
	formatted, err := format.Source([]byte(code.String()))
	if err != nil {
		return "", fmt.Errorf("the test cannot be formatted: %w", err)
	}
	return string(formatted), nil
}

// oneLine returns a text without line breaks and control characters.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || !strconv.IsPrint(r) && r != ' ' {
			return ' '
		}
		return r
	}, text)
}

// usedVariables returns the variables that steps name in marks.
func (r *Recording) usedVariables() map[string]bool {
	used := map[string]bool{}
	for _, s := range r.steps {
		for _, text := range []string{s.text, s.id} {
			parts := pieces(text)
			for i := 1; i < len(parts); i += 2 {
				name, _, _ := strings.Cut(parts[i], ".")
				used[name] = true
			}
		}
	}
	return used
}

// goName returns the expression for a mark: the id of what a variable has.
func goName(name string) string {
	if strings.HasPrefix(name, "inbound") && !strings.Contains(name, ".") {
		return name + ".ID"
	}
	return name
}

// goText returns the expression of a text with marks.
func goText(text string) string {
	var terms []string
	for i, part := range pieces(text) {
		switch {
		case i%2 == 1:
			terms = append(terms, goName(part))
		case part != "" || text == "":
			terms = append(terms, goString(part))
		}
	}
	return strings.Join(terms, " + ")
}

// goString returns a text as a literal, without escapes where that is possible.
func goString(text string) string {
	if strconv.CanBackquote(text) && strings.ContainsAny(text, `"\`) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}

// goNumber returns the field of the world with AWS's id of a phone number.
func goNumber(number int) string {
	if number == 1 {
		return "w.PhoneNumberID2"
	}
	return "w.PhoneNumberID"
}

func (g *goWriter) assign(name string) string {
	if g.used[name] {
		return name + " := "
	}
	return ""
}

// step writes a step.
func (g *goWriter) step(s *step) {
	switch s.kind {
	case "fault":
		g.helpers["fault"] = true
		text, _ := json.Marshal(s.fault)
		g.linef("addFault(t, w, %s)", goString(compact(text)))
	case "template":
		g.linef("if _, err := w.Simulator.PutTemplate(%q, []byte(%s)); err != nil {\nt.Fatal(err)\n}", s.template.account, goString(s.text))
	case "advance":
		g.imports["time"] = true
		g.linef("w.Advance(%s)", goDuration(s.pause))
	case "post":
		g.post(s)
	case "get", "delete":
		g.helpers[s.kind] = true
		g.linef("%s(t, w, %s, %s, %q)", map[string]string{"get": "download", "delete": "deleteMedia"}[s.kind], goNumber(s.number), goText(s.id), s.code)
	case "send":
		g.helpers["send"] = true
		g.linef("%ssend(t, w, %s, %s)", g.assign(s.name), goNumber(s.number), goText(s.text))
	case "graph":
		g.helpers["graph"] = true
		number := map[int]string{0: "w.MetaPhoneNumberID", 1: "w.MetaPhoneNumberID2"}[s.number]
		g.linef("%ssendAtMeta(t, w, %q+%s, %s)", g.assign(s.name), "/"+s.version+"/", number, goText(s.text))
	case "inbound":
		g.inbound(s)
	case "change":
		for _, change := range s.change {
			g.linef("%s.%s()", s.person.name, map[string]string{
				"offline": "GoesOffline", "online": "ComesOnline", "blocks": "Blocks", "unblocks": "Unblocks", "leaves": "LeavesWhatsApp",
			}[change])
		}
	case "delivered", "read", "failed":
		matcher := map[string]string{"delivered": "Delivered", "read": "Read", "failed": "Failed"}[s.kind]
		code := ""
		if s.code != "" {
			code = fmt.Sprintf(", ferrytest.Code(%q)", s.code)
		}
		g.linef("w.Await(ferrytest.%s(%s, ferrytest.Of(%s)%s))", matcher, s.person.name, goText(s.id), code)
	}
}

// post writes an upload.
func (g *goWriter) post(s *step) {
	if s.file.name == "" { // there was no such object
		g.helpers["post"] = true
		g.linef("post(t, w, %s, ferrytest.Object{Bucket: w.Bucket, Key: %s}, %q)", goNumber(s.number), goString(s.key), s.code)
		return
	}
	g.helpers["post"] = true
	data := ""
	if s.file.sample != "" {
		data = fmt.Sprintf("ferrytest.SampleFile(%q).Data", s.file.sample)
	} else {
		g.helpers["decode"] = true
		data = fmt.Sprintf("decode(t, %q)", base64.StdEncoding.EncodeToString(s.file.data))
	}
	object := fmt.Sprintf("w.Put(ferrytest.File{Name: %s, Type: %q, Data: %s})", goString(s.key), s.file.mime, data)
	g.linef("%spost(t, w, %s, %s, %q)", g.assign(s.name), goNumber(s.number), object, s.code)
}

// inbound writes a message of a person, and the wait for its event.
func (g *goWriter) inbound(s *step) {
	var text struct {
		Type    string
		Text    struct{ Body string }
		Context *struct{}
	}
	_ = json.Unmarshal([]byte(s.text), &text)
	if text.Type == "text" && text.Context == nil {
		g.linef("%s := %s.Says(%s)", s.name, s.person.name, goString(text.Text.Body))
	} else {
		g.helpers["write"] = true
		g.linef("%s := write(t, %s, %s)", s.name, s.person.name, goText(s.text))
	}
	g.linef("w.Await(ferrytest.Published(ferrytest.DefaultTopic, ferrytest.Of(%s.ID)))", s.name)
}

func goDuration(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"time.Hour", time.Hour}, {"time.Minute", time.Minute}} {
		if d%unit.size == 0 {
			return fmt.Sprintf("%d * %s", d/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%d * time.Second", d/time.Second)
}

// compact returns a fault as JSON without the members that say nothing.
func compact(text []byte) string {
	var members map[string]any
	if json.Unmarshal(text, &members) != nil {
		return string(text)
	}
	for name, value := range members {
		if value == "" || value == 0.0 || value == false {
			delete(members, name)
		}
	}
	text, _ = json.Marshal(members)
	return string(text)
}
