// What is a path of a file, and what is the address of a database server.

package state

import (
	"errors"
	"path/filepath"
	"regexp"
	"strings"
)

// CheckPath checks a path before anything is created: it is the URL of a PostgreSQL
// database, or a file that is not on a network file system. Addresses of databases in
// other forms are refused. Its errors do not contain the path, which may contain a
// password.
func (c Config) CheckPath() error {
	if c.Path == Memory {
		return nil
	}
	if IsPostgres(c.Path) {
		_, err := parsePostgres(c.Path)
		return err
	}
	if err := checkAddress(c.Path); err != nil {
		return err
	}
	return c.checkFilesystem()
}

var (
	errPostgres = errors.New("the database is the address of a PostgreSQL server in a form that ferry does not read; expected a URL, postgres://user:password@host:port/name, or the path of an SQLite file, such as ferry.db")
	errAddress  = errors.New("the database looks like the address of a database server, and is not shown because it may contain a password; ferry supports SQLite files and PostgreSQL: set a path, such as ferry.db, or postgres://user:password@host:port/name, and put ./ in front of a file that really has such a name")
)

// Forms of addresses, for values that do not begin like a path.
var (
	// "postgres://…", "postgresql:…", "jdbc:…", "file:…", but not the drive of "C:\ferry.db".
	schemeForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]+:|://`)
	// "host=… password=…", "Server=…;Password=…", "host/name?user=…&password=…"
	settingForm = regexp.MustCompile(`(?i)(^|[\s;,?&])(host|hostaddr|server|addr|address|network address|data source|datasource|port|user|user ?id|uid|username|password|passwd|pwd|passfile|database|dbname|initial catalog|service|driver|dsn|sslmode|sslpassword)\s*=`)
	// "user:password@host", "user:password@tcp(host)/name", "user/password@host"
	userForm = regexp.MustCompile(`[:/].*@|@(tcp|tcp6|unix|udp|pipe|memory)?\(`)
	// "tcp(host:3306)/name"
	networkForm = regexp.MustCompile(`(?i)^(tcp|tcp6|unix|pipe)\(`)
	// words of libpq, and its schemes
	postgresForm = regexp.MustCompile(`(?i)^postgres(ql)?:|(^|\s)(hostaddr|dbname|sslmode|passfile)\s*=`)
)

// checkAddress refuses a path that looks like an address.
func checkAddress(path string) error {
	text := strings.TrimLeft(path, " \t\r\n'\"")
	isAddress := strings.HasPrefix(text, "//") && strings.Contains(text, "@")
	if !isAddress && !isRooted(text) {
		for _, form := range []*regexp.Regexp{schemeForm, settingForm, userForm, networkForm} {
			isAddress = isAddress || form.MatchString(text)
		}
	}
	switch {
	case isAddress && postgresForm.MatchString(text):
		return errPostgres
	case isAddress:
		return errAddress
	}
	return nil
}

// isRooted reports whether a text begins like a path and like nothing else.
func isRooted(text string) bool {
	for _, start := range []string{"/", "./", "../", `\`, `.\`, `..\`, "~"} {
		if strings.HasPrefix(text, start) {
			return true
		}
	}
	return filepath.IsAbs(text) || len(text) > 2 && text[1] == ':' && (text[2] == '\\' || text[2] == '/')
}
