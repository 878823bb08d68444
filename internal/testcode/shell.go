package testcode

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// shellHead is the beginning of each script: functions that the steps call.
const shellHead = `#!/usr/bin/env bash
# What was done in ferry dev. Run it in a world that is new:
#
#   ferry dev -- bash session.sh
#
# It needs the AWS CLI (with socialmessaging), curl and sed. It stops at the first step that does
# not end as it did.
`

const shellFunctions = `set -euo pipefail
export AWS_MAX_ATTEMPTS=1 # retries of the program are steps of their own here
C=${FERRY_SIMULATOR_CONTROL_URL:?run it as: ferry dev -- bash $0}
T=$(mktemp -d); trap 'rm -rf "$T"' EXIT

fail() { echo "session: $*" >&2; exit 1; }
control() { curl -sS --fail-with-body -H 'Content-Type: application/json' -d "$2" "$C$1"; }
await() { local found; found=$(curl -sS --fail-with-body "$C/_ferry/await?timeout=30s&$1"); test -n "$found" || fail "it did not happen: $1"; printf '%s' "$found"; }
member() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" | sed -n 1p; }
check() { # EXCEPTION COMMAND...: the command must end with it, or succeed if it is empty
  local exception=$1; shift
  if "$@" >"$T/out" 2>"$T/err"; then test -z "$exception" || fail "no $exception from: $*"
  elif test -z "$exception" || ! grep -q "($exception)" "$T/err"; then cat "$T/err" >&2; fail "$*"; fi
}
put() { aws s3 cp --only-show-errors --content-type "$2" "$T/file" "s3://$FERRY_BUCKET/$1"; }
post() { # NUMBER KEY EXCEPTION
  check "$3" aws socialmessaging post-whatsapp-message-media --origination-phone-number-id "$1" --source-s3-file "$(printf '{"bucketName":"%s","key":%s}' "$FERRY_BUCKET" "$2")" --query mediaId --output text
}
send() { # NUMBER VERSION MESSAGE: the id at WhatsApp is in $wamid
  local mark; mark=$(control /_ferry/mark '{}' | member mark)
  printf '%s' "$3" >"$T/message"
  check '' aws socialmessaging send-whatsapp-message --origination-phone-number-id "$1" --meta-api-version "$2" --message "fileb://$T/message"
  wamid=$(await "for=message&since=$mark" | member id)
}
status() { await "for=message&id=$1&status=$2" >"$T/out"; } # WAMID STATUS
`

// Shell returns a shell script that repeats the recording.
func (r *Recording) Shell() string {
	var code strings.Builder
	code.WriteString(shellHead)
	for _, note := range r.Notes {
		code.WriteString("#\n# " + oneLine(note) + "\n")
	}
	code.WriteString(shellFunctions + "\n")
	for i := range r.steps {
		shellStep(&code, &r.steps[i])
	}
	code.WriteString("echo 'session: everything has happened again'\n")
	return code.String()
}

// shellQuote returns a text as one word.
func shellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// shellText returns the word of a text with marks.
func shellText(text string) string {
	var word strings.Builder
	for i, part := range pieces(text) {
		switch {
		case i%2 == 1:
			word.WriteString(`"$` + strings.ReplaceAll(part, ".MediaID", "_media") + `"`)
		case part != "" || text == "":
			word.WriteString(shellQuote(part))
		}
	}
	return word.String()
}

func shellNumber(number int) string {
	if number == 1 {
		return `"$FERRY_PHONE_NUMBER_ID_2"`
	}
	return `"$FERRY_PHONE_NUMBER_ID"`
}

// shellPath returns the path of a person at the control API.
func (p *person) shellPath(rest string) string {
	path := "/people/" + p.waID + rest
	if p.number == 1 {
		return shellQuote(path+"?phone_number_id=") + `"$WA_PHONE_NUMBER_ID_2"`
	}
	return path
}

func shellStep(code *strings.Builder, s *step) {
	linef := func(format string, args ...any) { fmt.Fprintf(code, format+"\n", args...) }
	switch s.kind {
	case "fault":
		text, _ := json.Marshal(s.fault)
		linef("control /faults %s >/dev/null", shellQuote(compact(text)))
	case "template":
		body, _ := json.Marshal(map[string]any{"business_account_id": s.template.account, "template": json.RawMessage(s.text)})
		linef("control /templates %s >/dev/null", shellQuote(string(body)))
	case "advance":
		linef("control /clock '{\"advance_ms\":%d}' >/dev/null", s.pause.Milliseconds())
	case "post":
		if s.file.name != "" {
			linef("base64 -d >\"$T/file\" <<'EOF'\n%sEOF", wrapped(s.file.data))
			linef("put %s %s", shellQuote(s.key), shellQuote(s.file.mime))
		}
		key, _ := json.Marshal(s.key)
		linef("post %s %s %s", shellNumber(s.number), shellQuote(string(key)), shellQuote(s.code))
		if s.name != "" {
			linef("%s=$(cat \"$T/out\")", s.name)
		}
	case "get":
		linef("check %s aws socialmessaging get-whatsapp-message-media --origination-phone-number-id %s --media-id %s --destination-s3-file \"bucketName=$FERRY_BUCKET,key=downloads/\"", shellQuote(s.code), shellNumber(s.number), shellText(s.id))
	case "delete":
		linef("check %s aws socialmessaging delete-whatsapp-message-media --origination-phone-number-id %s --media-id %s", shellQuote(s.code), shellNumber(s.number), shellText(s.id))
	case "send":
		linef("send %s \"$CLOUD_API_VERSION\" %s\n%s=$wamid", shellNumber(s.number), shellText(s.text), s.name)
	case "graph":
		number := map[int]string{0: "$WA_PHONE_NUMBER_ID", 1: "$WA_PHONE_NUMBER_ID_2"}[s.number]
		linef("%s=$(curl -sS --fail-with-body -H \"Authorization: Bearer $CLOUD_API_ACCESS_TOKEN\" -H 'Content-Type: application/json' -d %s \"$FERRY_SIMULATOR_URL/%s/%s/messages\" | sed -n 's/.*\"id\": *\"\\(wamid[^\"]*\\)\".*/\\1/p')",
			s.name, shellText(s.text), s.version, number)
	case "inbound":
		linef("control %s %s >\"$T/inbound\"", s.person.shellPath("/messages"), shellText(s.text))
		linef("%s=$(member id <\"$T/inbound\"); %s_media=$(member media_id <\"$T/inbound\")", s.name, s.name)
		linef("await \"for=webhook&state=delivered&contains=$%s\" >/dev/null", s.name)
	case "change":
		for _, change := range s.change {
			linef("control %s %s >/dev/null", s.person.shellPath(""), shellQuote(map[string]string{
				"offline": `{"offline":true}`, "online": `{"offline":false}`, "blocks": `{"blocks":true}`, "unblocks": `{"blocks":false}`, "leaves": `{"no_whatsapp":true}`,
			}[change]))
		}
	case "delivered", "read", "failed":
		linef("status %s %s", shellText(s.id), s.kind)
		if s.code != "" {
			linef("grep -q '\"code\": *%s\\b' \"$T/out\" || fail 'the message has not failed with code %s'", s.code, s.code)
		}
	}
}

// wrapped returns bytes in base64, in lines.
func wrapped(data []byte) string {
	const width = 100
	var lines strings.Builder
	for text := base64.StdEncoding.EncodeToString(data); text != ""; {
		n := min(width, len(text))
		lines.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return lines.String()
}
