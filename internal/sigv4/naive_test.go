package sigv4

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"sort"
	"strings"
)

// This file implements SigV4 a second time, simply and with other means than the package, as a check on it.

var (
	naiveQueryShape = regexp.MustCompile(`(?s)^([^%;+]|%[0-9A-Fa-f]{2})*$`)
	naiveReserved   = regexp.MustCompile(`[^A-Za-z0-9\-._~]`)
	naiveHeadEnd    = regexp.MustCompile(`\r?\n\r?\n`)
	naiveSpaces     = regexp.MustCompile(` +`)
)

func naiveEscape(s string) string {
	var out bytes.Buffer
	for _, c := range []byte(s) {
		if c >= 0x80 || naiveReserved.MatchString(string(rune(c))) {
			fmt.Fprintf(&out, "%%%02X", c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// naiveQuery returns the canonical form of a raw query, or false if the query must be rejected.
func naiveQuery(raw string) (string, bool) {
	if raw == "" {
		return "", true
	}
	if !naiveQueryShape.MatchString(raw) {
		return "", false
	}
	var pairs [][2]string
	for _, part := range strings.Split(raw, "&") {
		if part == "" {
			return "", false
		}
		var pair [2]string
		for i, half := range strings.SplitN(part, "=", 2) {
			plain, err := url.PathUnescape(half)
			if err != nil {
				return "", false
			}
			pair[i] = naiveEscape(plain)
		}
		pairs = append(pairs, pair)
	}
	sort.SliceStable(pairs, func(i, j int) bool {
		if pairs[i][0] == pairs[j][0] {
			return pairs[i][1] < pairs[j][1]
		}
		return pairs[i][0] < pairs[j][0]
	})
	texts := make([]string, len(pairs))
	for i, pair := range pairs {
		texts[i] = pair[0] + "=" + pair[1]
	}
	return strings.Join(texts, "&"), true
}

func naivePath(raw string, normalize bool) string {
	if normalize {
		slash := strings.HasSuffix(raw, "/")
		if raw = path.Clean(raw); slash && raw != "/" {
			raw += "/"
		}
	}
	return strings.ReplaceAll(naiveEscape(raw), "%2F", "/")
}

func naiveValue(v string) string {
	return naiveSpaces.ReplaceAllString(strings.Trim(v, " \t"), " ")
}

type headerLine struct{ name, value string }

// naiveCanonical returns the canonical request for the lines of a request.
func naiveCanonical(method, target string, headers []headerLine, signedList, payload string, normalize bool) string {
	rawPath, rawQuery, _ := strings.Cut(target, "?")
	query, _ := naiveQuery(rawQuery)
	text := method + "\n" + naivePath(rawPath, normalize) + "\n" + query + "\n"
	for _, name := range strings.Split(signedList, ";") {
		var values []string
		for _, h := range headers {
			if strings.EqualFold(h.name, name) {
				values = append(values, naiveValue(h.value))
			}
		}
		text += name + ":" + strings.Join(values, ",") + "\n"
	}
	return text + "\n" + signedList + "\n" + payload
}

// naiveSign signs a canonical request; scope is date/region/service/term.
func naiveSign(secretKey, date, scope, canonical string) string {
	text := fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", date, scope, sha256.Sum256([]byte(canonical)))
	key := []byte("AWS4" + secretKey)
	for _, part := range append(strings.Split(scope, "/"), text) {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return fmt.Sprintf("%x", key)
}

// meaning returns a raw request in a form in which two requests are equal if and only if SigV4 treats them as
// equal: lower-case names, folded spaces, a decoded and sorted query, bare LF as line end (net/http accepts
// it), the parameters of Authorization without order and spaces, no HTTP version. It returns "" if raw is
// not a request.
func meaning(raw []byte, normalize bool) string {
	end := naiveHeadEnd.FindIndex(raw)
	if end == nil {
		return ""
	}
	lines, body := regexp.MustCompile(`\r?\n`).Split(string(raw[:end[0]]), -1), raw[end[1]:]
	first := strings.Split(lines[0], " ")
	if len(first) != 3 {
		return ""
	}
	rawPath, rawQuery, _ := strings.Cut(first[1], "?")
	query, _ := naiveQuery(rawQuery)
	var headers []string
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			headers[len(headers)-1] += " " + strings.Trim(line, " \t")
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		name = strings.ToLower(name)
		if name == "authorization" {
			algorithm, rest, _ := strings.Cut(strings.Trim(value, " \t"), " ")
			parts := regexp.MustCompile(`, *`).Split(strings.TrimLeft(rest, " "), -1)
			sort.Strings(parts)
			value = algorithm + fmt.Sprintf("%q", parts)
		}
		headers = append(headers, name+":"+naiveValue(value))
	}
	sort.SliceStable(headers, func(i, j int) bool { // stable: equal names keep their order
		a, _, _ := strings.Cut(headers[i], ":")
		b, _, _ := strings.Cut(headers[j], ":")
		return a < b
	})
	return fmt.Sprintf("%q %q %q %q %q", first[0], naivePath(rawPath, normalize), query, headers, body)
}
