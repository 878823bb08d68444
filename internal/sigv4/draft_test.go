package sigv4

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// draft is a request before it is sent. naiveSign signs it.
type draft struct {
	method, target, version string
	headers                 []headerLine // Host first
	body                    string
	date, scope             string
	signedList, payload     string // empty means the right value
	queryAuth, chunked      bool
	trailers                []headerLine
	clock                   time.Duration
}

// newDraft returns a request such as the JavaScript SDK sends for PostWhatsAppMessageMedia.
func newDraft() *draft {
	date := testClock.Format(timeFormat)
	return &draft{
		method: "POST", target: "/v1/whatsapp/media", version: "HTTP/1.1", body: `{"originationPhoneNumberId":"p"}`,
		headers: []headerLine{
			{"Host", "localhost:4080"}, {"Content-Type", "application/json"}, {"Content-Length", "auto"},
			{"X-Amz-Date", date}, {"X-Amz-Content-Sha256", "auto"},
		},
		date: date, scope: date[:8] + "/us-east-1/social-messaging/aws4_request",
	}
}

// set replaces or adds a header.
func (d *draft) set(name, value string) {
	if i := d.index(name); i >= 0 {
		d.headers[i].value = value
		return
	}
	d.headers = append(d.headers, headerLine{name, value})
}

func (d *draft) index(name string) int {
	return slices.IndexFunc(d.headers, func(h headerLine) bool { return strings.EqualFold(h.name, name) })
}

func (d *draft) drop(name string) bool {
	before := len(d.headers)
	d.headers = slices.DeleteFunc(d.headers, func(h headerLine) bool { return strings.EqualFold(h.name, name) })
	return len(d.headers) < before
}

// beforeSigning applies an edit that is made before signing, and reports whether the edit is one.
func (d *draft) beforeSigning(edit string) bool {
	verb, arg, _ := strings.Cut(edit, " ")
	name, value, _ := strings.Cut(arg, ": ")
	switch verb {
	case "sign-target":
		d.target = arg
	case "sign-header":
		d.headers = append(d.headers, headerLine{name, value})
	case "sign-without":
		d.drop(arg)
	case "sign-body":
		d.body = arg
	case "date":
		d.date = arg
		d.set("X-Amz-Date", arg)
	case "scope":
		d.scope = arg
	case "signed-list":
		d.signedList = arg
	case "payload":
		d.payload = arg
		d.set("X-Amz-Content-Sha256", arg)
	case "sha":
		d.set("X-Amz-Content-Sha256", arg)
	case "undeclared":
		d.drop("X-Amz-Content-Sha256")
	case "chunked":
		d.chunked = true
		d.drop("Content-Length")
	case "query-auth":
		d.queryAuth = true
	default:
		return false
	}
	return true
}

// sign sets the headers with the value "auto" and adds the credentials.
func (d *draft) sign() {
	right := hashOf([]byte(d.body))
	var names []string
	for i, h := range d.headers {
		switch {
		case h.value == "auto" && h.name == "Content-Length":
			d.headers[i].value = fmt.Sprint(len(d.body))
		case h.value == "auto":
			d.headers[i].value = right
		}
		names = append(names, strings.ToLower(h.name))
	}
	if d.payload == "" {
		d.payload = right
	}
	sort.Strings(names)
	if d.signedList == "" {
		d.signedList = strings.Join(slices.Compact(names), ";")
	}
	if d.queryAuth {
		d.drop("X-Amz-Date")
		d.target += "?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" + naiveEscape(knownKey+"/"+d.scope) +
			"&X-Amz-Date=" + d.date + "&X-Amz-Expires=300&X-Amz-SignedHeaders=host"
		d.target += "&X-Amz-Signature=" + naiveSign(testSecret, d.date, d.scope,
			naiveCanonical(d.method, d.target, d.headers, "host", d.payload, false))
		return
	}
	signature := naiveSign(testSecret, d.date, d.scope,
		naiveCanonical(d.method, d.target, d.headers, d.signedList, d.payload, false))
	d.headers = append(d.headers, headerLine{"Authorization", "AWS4-HMAC-SHA256 Credential=" + knownKey + "/" + d.scope +
		", SignedHeaders=" + d.signedList + ", Signature=" + signature})
}

// afterSigning applies an edit of the signed bytes. It reports whether there was something to change.
func (d *draft) afterSigning(edit string) bool {
	verb, arg, _ := strings.Cut(edit, " ")
	name, value, _ := strings.Cut(arg, ": ")
	auth := d.index("Authorization")
	switch verb {
	case "method":
		d.method = arg
	case "version":
		d.version = arg
	case "target":
		d.target = arg
	case "add":
		d.headers = append(d.headers, headerLine{name, value})
	case "set":
		d.set(name, value)
	case "drop":
		return d.drop(arg)
	case "body":
		d.body = arg
	case "authorization":
		d.set("Authorization", arg)
	case "auth", "key":
		from, to, _ := strings.Cut(arg, " => ")
		if verb == "key" {
			from, to = knownKey, arg
		}
		if auth < 0 || !strings.Contains(d.headers[auth].value, from) {
			return false
		}
		d.headers[auth].value = strings.Replace(d.headers[auth].value, from, to, 1)
	case "trailer":
		d.trailers = append(d.trailers, headerLine{name, value})
	case "clock":
		var err error
		d.clock, err = time.ParseDuration(arg)
		return err == nil
	default:
		return false
	}
	return true
}

// raw returns the request as bytes.
func (d *draft) raw() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n", d.method, d.target, d.version)
	for _, h := range d.headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h.name, h.value)
	}
	if !d.chunked {
		return b.String() + "\r\n" + d.body
	}
	b.WriteString("Transfer-Encoding: chunked\r\n")
	for _, h := range d.trailers {
		fmt.Fprintf(&b, "Trailer: %s\r\n", h.name)
	}
	fmt.Fprintf(&b, "\r\n%x\r\n%s\r\n0\r\n", len(d.body), d.body)
	for _, h := range d.trailers {
		fmt.Fprintf(&b, "%s: %s\r\n", h.name, h.value)
	}
	return b.String() + "\r\n"
}
