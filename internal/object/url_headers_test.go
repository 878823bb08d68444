package object

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// headerRow parses a row of headers.txt: its verdict, and the strings after it.
func headerRow(t *testing.T, row string) (verdict string, texts []string) {
	verdict, rest, _ := strings.Cut(row, " ")
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			t.Fatalf("row %s: %v", row, err)
		}
		text, _ := strconv.Unquote(quoted)
		if n, err := strconv.Atoi(strings.Trim(text, "{}")); err == nil && strings.HasPrefix(text, "{") {
			text = strings.Repeat("a", n)
		}
		texts, rest = append(texts, text), rest[len(quoted):]
	}
	return verdict, texts
}

func TestHeaderCorpus(t *testing.T) {
	rows := corpus(t, "headers.txt", 128)
	judged := 0
	for _, row := range rows {
		judged++
		verdict, texts := headerRow(t, row)
		bare := strings.HasPrefix(texts[0], "-")
		texts[0] = strings.TrimPrefix(texts[0], "-")
		headers := map[string]string{}
		for i := 0; i+1 < len(texts); i += 2 {
			headers[texts[i]] = texts[i+1]
		}
		if verdict == "refuse" && !bare && headers["Content-Type"] == "" && texts[0] != "Content-Type" {
			headers["Content-Type"] = "image/jpeg"
		}
		got, err := getHeaders.check(headers)
		switch verdict {
		case "accept":
			want := http.Header{}
			for name, value := range headers {
				want.Set(name, value)
			}
			if err != nil || !maps.EqualFunc(got, want, slices.Equal) {
				t.Errorf("%s: %v, %v", row, got, err)
			}
		case "refuse":
			name := shorten(texts[0])
			if bare || getHeaders.allows(http.CanonicalHeaderKey(texts[0])) {
				name = http.CanonicalHeaderKey(texts[0])
			}
			if bare {
				name = "Content-Type"
			}
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: want a refusal that names %s, got %v", row, name, err)
			}
			if err != nil && strings.ContainsAny(err.Error(), "\r\n\x00") {
				t.Errorf("%s: the message holds control characters", row)
			}
		default:
			t.Fatalf("row %s", row)
		}
	}
	count(t, judged, len(rows))
}

func TestHeaderBounds(t *testing.T) {
	headers := jpeg()
	headers["Accept"] = strings.Repeat("a", maxHeaderValue)
	if _, err := getHeaders.check(headers); err != nil {
		t.Errorf("the longest value: %v", err)
	}
	for i := range maxHeaders {
		headers["X-"+strconv.Itoa(i)] = "x"
	}
	if _, err := getHeaders.check(headers); err == nil || !strings.Contains(err.Error(), "34 headers") {
		t.Errorf("too many headers: %v", err)
	}
	for _, none := range []map[string]string{nil, {}} {
		if _, err := getHeaders.check(none); err == nil || !strings.Contains(err.Error(), "Content-Type") {
			t.Errorf("no headers: %v", err)
		}
	}
}
