// The URL of a PostgreSQL database, which may contain a password.

package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// connectTimeout bounds connecting to one host of PostgreSQL, TLS and login
	// included, unless the URL sets connect_timeout.
	connectTimeout = 10 * time.Second
	// postgresKeepAlive is the interval of the probes on an idle connection, and
	// postgresProbes is how many of them may fail.
	postgresKeepAlive = 10 * time.Second
	postgresProbes    = 3
)

var postgresScheme = regexp.MustCompile(`(?i)^postgres(ql)?://`)

// IsPostgres reports whether a path is the URL of a PostgreSQL database.
func IsPostgres(path string) bool { return postgresScheme.MatchString(path) }

// name returns what errors and logs call the database: a path, or the hosts and the
// name of a PostgreSQL database.
func (c Config) name() string {
	if !IsPostgres(c.Path) {
		return c.Path
	}
	config, err := parsePostgres(c.Path)
	if err != nil {
		return "on PostgreSQL"
	}
	return "postgres://" + strings.Join(postgresHosts(config), ",") + "/" + config.Database
}

// postgresHosts returns the hosts of a database, in the order in which they are tried.
func postgresHosts(config *pgx.ConnConfig) []string {
	var hosts []string
	add := func(host string, port uint16) {
		name := net.JoinHostPort(host, strconv.Itoa(int(port)))
		if len(hosts) == 0 || hosts[len(hosts)-1] != name { // sslmode=prefer lists each host twice
			hosts = append(hosts, name)
		}
	}
	add(config.Host, config.Port)
	for _, f := range config.Fallbacks {
		add(f.Host, f.Port)
	}
	return hosts
}

// parsePostgres reads the URL of a database. What is missing in it is taken from the
// variables PGPASSWORD, PGSSLMODE and so on, and from the password file, as by all
// clients of PostgreSQL (docs/references.md#postgres-url). Its errors contain neither
// the URL nor the password.
func parsePostgres(path string) (*pgx.ConnConfig, error) {
	scheme := postgresScheme.FindString(path)
	text := strings.ToLower(scheme) + path[len(scheme):]
	parsed, err := url.Parse(withoutHosts(text))
	if err != nil {
		return nil, errors.New("the URL of the PostgreSQL database cannot be read; expected postgres://user:password@host:port/name, with % and two hexadecimal digits for special characters of the password")
	}
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("the URL of the PostgreSQL database has a mistake: %s", parseProblem(err, parsed))
	}
	if config.Database == "" {
		return nil, errors.New("the URL of the PostgreSQL database has no name of a database; expected postgres://user:password@host:port/name")
	}
	if !parsed.Query().Has("connect_timeout") {
		config.ConnectTimeout = connectTimeout
	}
	if len(postgresHosts(config)) > 1 && config.ValidateConnect == nil {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite // the primary, not a standby
	}
	dialer := net.Dialer{Timeout: config.ConnectTimeout, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: postgresKeepAlive, Interval: postgresKeepAlive, Count: postgresProbes,
	}}
	config.DialFunc = dialer.DialContext
	return config, nil
}

// hostList are several hosts in a URL, which the package net/url cannot parse.
var hostList = regexp.MustCompile(`^([a-z]+://(?:[^@/?#]*@)?)[^/?#]*,[^/?#]*`)

// withoutHosts replaces several hosts in a URL by one.
func withoutHosts(text string) string { return hostList.ReplaceAllString(text, "${1}hosts") }

// parseProblem returns what is wrong with a URL, without the URL and its password.
func parseProblem(err error, parsed *url.URL) string {
	failed, ok := errors.AsType[*pgconn.ParseConfigError](err)
	if !ok {
		return "expected postgres://user:password@host:port/name"
	}
	_, text, _ := strings.Cut(failed.Error(), "`: ")
	password, _ := parsed.User.Password()
	for _, secret := range []string{failed.ConnString, password, parsed.Query().Get("password"), parsed.Query().Get("sslpassword")} {
		if secret != "" && strings.Contains(text, secret) {
			text = ""
		}
	}
	return cmp.Or(text, "expected postgres://user:password@host:port/name?sslmode=verify-full")
}

// onConnect calls a function with the remote address of each connection to the server.
func onConnect(config *pgx.ConnConfig, call func(net.Addr)) {
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err == nil {
			call(conn.RemoteAddr())
		}
		return conn, err
	}
}
