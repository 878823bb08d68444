// The limits in force, in the words of the table of bounds in ARCHITECTURE.md.

package console

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"ferry/internal/event"
	"ferry/internal/gateway"
	"ferry/internal/social"
	"ferry/internal/transfer"
)

// limitRow is a limit, or a setting that affects all accounts.
type limitRow struct{ What, Value, Flag, Note string }

// limitsPage lists limits and settings.
type limitsPage struct{ Limits, Settings []limitRow }

func (c *Console) serveLimits(w http.ResponseWriter, r *request) {
	in := c.config.Gateway.Limits()
	c.render(w, r, "admin-limits", limitsPage{limitRows(in), settingRows(in)})
}

// limitRows returns the limits that flags change.
func limitRows(in gateway.Limits) []limitRow {
	lowered := func(is, configured int) string {
		if is < configured {
			return fmt.Sprintf("%s is configured; the process may open too few files for that (ulimit -n).", thousands(configured))
		}
		return ""
	}
	calls := thousands(in.MediaPerSecond)
	if in.MediaPerSecond == social.NoLimit {
		calls = "no limit"
	}
	rows := []limitRow{
		{"connections from clients", thousands(in.Connections), "--max-connections", lowered(in.Connections, in.ConfiguredConnections)},
		{"connections from one IPv4 address, or from one /64 network of IPv6 addresses", thousands(in.ConnectionsPerAddress), "--max-connections-per-address", ""},
		{"calls of each media operation per second and account", calls, "--media-rate", ""},
		{"transfers in progress, all accounts", thousands(in.Transfers), "--max-uploads", lowered(in.Transfers, in.ConfiguredTransfers)},
		{"transfers in progress of one account", thousands(in.TransfersPerAccount), "--max-uploads", "Three quarters of all."},
		{"transfers beyond these, so that an account without a transfer always gets a place", "one per account", "--max-uploads", ""},
		{"one transfer, retries included", lasting(in.TransferTime), "--upload-timeout", ""},
		{"messages of one phone number per second, over all processes", thousands(in.MessagesPerSecond), "--messages-per-second", ""},
	}
	for _, id := range slices.Sorted(maps.Keys(in.MessagesPerSecondOf)) {
		rows = append(rows, limitRow{"messages per second of phone-number-id-" + id, thousands(in.MessagesPerSecondOf[id]), "--messages-per-second-of", ""})
	}
	database := limitRow{"PostgreSQL: connections", thousands(in.DatabaseConnections), "--database-connections", "Half of them are for writing."}
	if in.DatabaseConnections == 0 {
		database.Value, database.Note = "not used", "The database is a SQLite file."
	}
	return append(rows,
		limitRow{"messages of one phone number that wait to be sent, beyond which SendWhatsAppMessage is throttled", thousands(in.QueuedMessages), "--max-queued-messages", ""},
		limitRow{"time for which the journal keeps an entry in a database", lasting(in.JournalTime), "--journal-keep", ""},
		limitRow{"entries that it keeps there", thousands(in.JournalEntries), "--journal-rows", ""},
		database,
		limitRow{"app secrets with which a signature is compared", thousands(event.MaxAppSecrets), "--app-secret", fmt.Sprintf("%d configured.", in.AppSecrets)},
		limitRow{"time in which a client must send the request body", lasting(in.BodyTime), "", "Fixed."},
		limitRow{"after the first stop signal: time for which new calls are accepted", lasting(in.DrainDelay), "--drain-delay", ""},
		limitRow{"after that: time for the calls in progress", lasting(in.DrainTimeout), "--drain-timeout", ""},
	)
}

// settingRows returns what flags turn on for all accounts.
func settingRows(in gateway.Limits) []limitRow {
	willFail := "refused"
	if in.WillFail == transfer.WarnWillFail {
		willFail = "uploaded, with a warning in the log"
	}
	return []limitRow{
		{"files that WhatsApp accepts but then fails to deliver", willFail, "--will-fail", ""},
		{"verification of uploads, for all accounts", onOff(in.VerifyUploads), "--verify-uploads", ""},
		{"text files as text/plain, for all accounts", onOff(in.TextAsPlain), "--text-as-plain", ""},
		{"link to id, for all accounts", onOff(in.LinkToID), "--link-to-id", ""},
	}
}

// thousands returns a number with commas, as the documents write it.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// lasting returns a duration as flags write it: 10m, 168h, 30s.
func lasting(d time.Duration) string {
	switch {
	case d == 0:
		return "0s"
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}
