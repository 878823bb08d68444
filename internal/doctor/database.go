// The keyset, the database and its disk.

package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ferry/internal/state"
)

const (
	structureTimeout = 5 * time.Second // for the check of an SQLite file
	lowDisk          = 512 << 20       // bytes of free space below which there is a warning
	largeLog         = 256 << 20       // bytes of SQLite's log above which there is one
)

// keyset compares the keyset with the one that the secrets in the database need.
func (x *examination) keyset(ctx context.Context) []Result {
	const name = "keyset"
	switch {
	case x.config.Sealer == nil:
		return []Result{fail(name, "", text(x.config.SealerErr), "Set --keyset-file (or FERRY_KEYSET) to the keyset of this server. Restore it from its backup: nothing else reads the secrets in the database.")}
	case x.config.State == nil:
		return []Result{skip(name, "", "it can be read; without the database it cannot be compared with the secrets there")}
	}
	schema, err := x.config.State.Schema(ctx)
	if err != nil || len(schema.Missing) > 0 {
		return []Result{skip(name, "", "it can be read; the schema of the database is not that of this version, so it is not compared with the secrets there")}
	}
	err = x.config.State.CheckKeyset(ctx)
	switch {
	case errors.Is(err, state.ErrOtherKeyset):
		return []Result{fail(name, "", "it is not the one that the secrets in this database were encrypted with", "Set --keyset-file (or FERRY_KEYSET) to the keyset of this database, or --database to the database of this keyset.")}
	case err != nil:
		return []Result{skip(name, "", "it could not be compared with the database: "+text(err))}
	}
	return []Result{x.keys(ctx)}
}

// keys says which keys of the keyset are in use.
func (x *examination) keys(ctx context.Context) Result {
	const name = "keyset"
	uses, err := x.config.State.KeyUses(ctx)
	if err != nil {
		return skip(name, "", "its keys could not be compared with the secrets in the database: "+text(err))
	}
	var primary, others, lost int
	found := ""
	for _, use := range uses {
		switch {
		case use.IsPrimary && !use.RetiredAt.IsZero():
			return fail(name, "", fmt.Sprintf("its primary key, %d, was retired by 'ferry keyset rotate'", use.ID), "Use the keyset as the rotation has left it: it is in the file with which the command was run.")
		case use.IsPrimary:
			primary, found = use.Values, fmt.Sprintf("the primary key is %d", use.ID)
		case use.IsMissing && use.Values > 0:
			lost += use.Values
		default:
			others += use.Values
		}
	}
	switch {
	case lost > 0:
		return fail(name, "", fmt.Sprintf("%s; secrets that no key of it opens: %d", found, lost), "Set --keyset-file to a keyset that has all keys (a copy from before a rotation), or link the accounts and create the access keys again: ferry keyset show")
	case others > 0:
		return warn(name, "", fmt.Sprintf("%s, which has encrypted %d of %d secrets: a rotation is not complete", found, primary, primary+others), "Continue it: ferry keyset rotate")
	}
	return ok(name, "", fmt.Sprintf("it opens the secrets in the database; %s", found))
}

// database returns the lines about the engine, the schema and the structure.
func (x *examination) database(ctx context.Context) []Result {
	const name = "database"
	db := x.config.State
	if db == nil {
		return []Result{fail(name, "", text(x.config.StateErr), "Check --database, that its server or disk is there, and that this user may read it."), skip("schema", "", "the database cannot be opened")}
	}
	facts, err := db.Facts(ctx)
	if err != nil {
		return []Result{fail(name, "", text(err), "Check --database, that its server or disk is there, and that this user may read it."), skip("schema", "", "the database cannot be read")}
	}
	found := fmt.Sprintf("%s %s, %s", facts.Engine, facts.Version, size(facts.Size))
	first := ok(name, facts.Name, found)
	switch fsync := facts.Settings["fsync"]; {
	case facts.IsStandby:
		first = fail(name, facts.Name, found+"; the server is a standby, which accepts no writes", "Set --database to the primary, or name all servers in one URL: ferry then finds the primary.")
	case facts.ReadOnly:
		first = fail(name, facts.Name, found+"; default_transaction_read_only is on for ferry's role or database", "ALTER ROLE … RESET default_transaction_read_only, or the same with ALTER DATABASE.")
	case fsync == "off" || facts.Settings["full_page_writes"] == "off":
		first = fail(name, facts.Name, fmt.Sprintf("%s; fsync is %s, full_page_writes is %s: a crash of the server can damage everything", found, fsync, facts.Settings["full_page_writes"]), "Set fsync and full_page_writes to on in postgresql.conf, and reload it.")
	case facts.Settings["synchronous_commit"] == "off":
		first = warn(name, facts.Name, found+"; synchronous_commit is off: a crash of the server loses the last messages and events that were acknowledged", "ALTER ROLE … SET synchronous_commit = on, or set it in postgresql.conf.")
	case facts.IsFile && facts.JournalMode != "wal":
		first = warn(name, facts.Name, found+"; its journal mode is "+facts.JournalMode+" and not wal", "Start a server with this file: it changes the mode.")
	case facts.IsFile:
		first = x.structure(ctx, facts.Name, found)
	case facts.Settings != nil:
		first.Found += "; the primary; fsync is on, synchronous_commit is " + facts.Settings["synchronous_commit"]
	}
	return []Result{first, x.schema(ctx)}
}

// structure checks an SQLite file, within a time: a large one is checked by its server daily.
func (x *examination) structure(ctx context.Context, subject, found string) Result {
	ctx, cancel := context.WithTimeout(ctx, structureTimeout)
	defer cancel()
	err := x.config.State.CheckStructure(ctx)
	switch {
	case errors.Is(err, state.ErrDamaged):
		return fail("database", subject, found+"; the file is damaged: "+text(err), "Stop the server, keep the file, and restore the last backup ('ferry backup' makes them).")
	case err != nil:
		return ok("database", subject, found+fmt.Sprintf("; its check takes longer than %v (the server makes it daily)", structureTimeout))
	}
	return ok("database", subject, found+"; the file is intact, and every commit waits for the disk (WAL, synchronous=FULL)")
}

func (x *examination) schema(ctx context.Context) Result {
	const name = "schema"
	schema, err := x.config.State.Schema(ctx)
	switch {
	case err != nil:
		return skip(name, "", "it cannot be read: "+text(err))
	case schema.Applied == 0:
		return skip(name, "", "the database is empty: 'ferry serve' creates the schema when it starts")
	case schema.Reader > schema.Known:
		return fail(name, "", fmt.Sprintf("migration %d has run, which only programs that know migration %d can use; this version knows %d", schema.Applied, schema.Reader, schema.Known), "Use a newer version of ferry, or restore the backup that was made before the upgrade.")
	case schema.Applied > schema.Known:
		return warn(name, "", fmt.Sprintf("migration %d has run, and this version knows %d: a newer version has used the database", schema.Applied, schema.Known), "Use the newer version here, too, when the upgrade is complete. Until then this one works with what it knows.")
	case len(schema.Missing) > 0 && schema.Missing[0] < schema.Applied:
		return fail(name, "", fmt.Sprintf("migration %d has run, but not %s, which comes before it", schema.Applied, numbers(schema.Missing)), "Restore the backup of the database again, completely: its list of migrations (goose_db_version) has a gap.")
	case len(schema.Missing) > 0:
		return warn(name, "", fmt.Sprintf("migration %d has run, and this version needs %d", schema.Applied, schema.Known), "Make a backup ('ferry backup'), and start 'ferry serve' of this version: it migrates the database.")
	}
	return ok(name, "", fmt.Sprintf("all %d migrations of this version have run", schema.Known))
}

// disk returns the line about the disk of an SQLite file, and its log.
func (x *examination) disk(ctx context.Context) []Result {
	const name = "disk"
	if x.config.State == nil {
		return nil
	}
	facts, err := x.config.State.Facts(ctx)
	if err != nil || !facts.IsFile {
		return nil
	}
	found := "its free space is not known"
	if facts.Free >= 0 {
		found = size(facts.Free) + " free"
	}
	found += fmt.Sprintf("; SQLite's log has %s", size(facts.Log))
	const room = "Free some space on the disk of the database, or move the database to a larger one."
	switch {
	case facts.Free >= 0 && facts.Free < state.Reserve:
		return []Result{fail(name, "", fmt.Sprintf("%s: below %s the server refuses uploads, messages and webhooks", found, size(state.Reserve)), room)}
	case facts.Free >= 0 && facts.Free < lowDisk:
		return []Result{warn(name, "", fmt.Sprintf("%s: below %s the server refuses uploads, messages and webhooks", found, size(state.Reserve)), room)}
	case facts.Log > largeLog:
		return []Result{warn(name, "", found+": somebody keeps it from being emptied", "End the program that reads the file for long, such as a backup by other means than 'ferry backup' or an open shell of sqlite3; the server then empties the log within an hour.")}
	}
	return []Result{ok(name, "", found)}
}

func numbers(list []int64) string {
	var texts []string
	for _, n := range list {
		texts = append(texts, fmt.Sprint(n))
	}
	return strings.Join(texts, ", ")
}

// text returns the text of an error in one line.
func text(err error) string {
	if err == nil {
		return "not known"
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// size returns a number of bytes for people.
func size(bytes int64) string {
	const mebi = 1 << 20
	switch {
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GiB", bytes>>30)
	case bytes >= mebi:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/mebi)
	}
	return fmt.Sprintf("%d KiB", (bytes+1023)>>10)
}
