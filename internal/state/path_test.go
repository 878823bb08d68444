package state_test

import (
	"strings"
	"testing"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestAddressOfAServerIsRefusedAndNeverShown(t *testing.T) {
	for name, path := range map[string]string{
		"a URL of another server":             "mysql://ferry:canary@db/ferry",
		"a URL with an unusual scheme":        "postgresql+psycopg2://ferry:canary@db/ferry",
		"a URL after a space":                 " postgres://ferry:canary@db/ferry",
		"a URL in quotes":                     `"postgres://ferry:canary@db/ferry"`,
		"a scheme without slashes":            "postgresql:ferry?password=canary",
		"a URL of JDBC":                       "jdbc:postgresql://db/ferry?user=ferry&password=canary",
		"a URL of SQLite":                     "file:ferry.db?key=canary",
		"a URL without a scheme":              "//ferry:canary@db/ferry",
		"words of libpq":                      "host=db user=ferry password=canary dbname=ferry",
		"a single word of libpq":              "password=canary",
		"words of libpq with spaces":          "host = db password = 'canary'",
		"words of libpq over lines":           "host=db\npassword=canary",
		"words of ADO.NET":                    "Server=db;Database=ferry;User Id=ferry;Password=canary;",
		"words of ODBC":                       "Driver={PostgreSQL};Server=db;Uid=ferry;Pwd=canary",
		"words after commas":                  "db:6379,password=canary",
		"a query after a name":                "db/ferry?user=ferry&password=canary",
		"a name of Go's MySQL driver":         "ferry:canary@tcp(db:3306)/ferry",
		"one with the default address":        "ferry:canary@/ferry",
		"one with a socket":                   "ferry:canary@unix(/run/mysqld.sock)/ferry",
		"one without a password":              "ferry@tcp(db)/ferry",
		"one without a user":                  "tcp(db:3306)/ferry",
		"user and password before a host":     "ferry:canary@db:5432/ferry",
		"a password with slashes and colons":  "ferry:canary/a:b@db/ferry",
		"a user and password in Oracle's way": "ferry/canary@//db:1521/ferry",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := state.Open(t.Context(), state.Config{Path: path, Sealer: statetest.Sealer(t)})
			if err == nil {
				t.Fatal("it is taken for a file")
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), path) {
				t.Errorf("the error shows the address: %v", err)
			}
			isPostgres := strings.HasPrefix(strings.ToLower(strings.Trim(path, ` "`)), "postgres") && !strings.Contains(path, "psycopg2") || strings.Contains(path, "dbname=")
			if isPostgres != strings.Contains(err.Error(), "PostgreSQL server in a form") || !strings.Contains(err.Error(), "ferry.db") {
				t.Errorf("the error does not say what to do: %v", err)
			}
		})
	}
}

func TestPathsAreTakenForPaths(t *testing.T) {
	for name, path := range map[string]string{
		"a file":                                  "ferry.db",
		"a file in a directory":                   "data/ferry.db",
		"an absolute path":                        "/var/lib/ferry/ferry.db",
		"a drive of Windows":                      `C:\ferry\ferry.db`,
		"a drive of Windows with slashes":         "C:/ferry/ferry.db",
		"spaces and equal signs":                  "my data/a=b/ferry.db",
		"an at sign":                              "ferry@home.db",
		"a colon":                                 "data/12:30.db",
		"a name like an address, after a dot":     "./host=db password=x",
		"a name like a URL, after a dot":          "./postgres://db/ferry",
		"a name like an address, absolutely":      "/tmp/ferry:pw@tcp(db)",
		"other alphabets":                         "données/база.db",
		"a word of an address that is not a word": "localhost=1.db",
		"the database in memory":                  state.Memory,
	} {
		t.Run(name, func(t *testing.T) {
			if err := (state.Config{Path: path}).CheckPath(); err != nil {
				t.Errorf("%q: %v", path, err)
			}
		})
	}
}
