// Who is logged in to the console.

package state

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"time"

	"ferry/internal/secret"
)

const (
	// LoginLife is how long a link logs in.
	LoginLife = time.Minute
	// SessionLife is how long a session of the console lasts at most.
	SessionLife = 12 * time.Hour
	// SessionIdle is how long a session lasts without a request.
	SessionIdle = time.Hour
	// sessionUsed is the time to within which the last request of a session is recorded.
	sessionUsed = time.Minute
)

// A ConsoleUser is a person in the console.
type ConsoleUser struct {
	Name string
	Role string // viewer, operator or admin
}

// A ConsoleSession is a login that lasts.
type ConsoleSession struct {
	ConsoleUser
	Created, Expires time.Time
	Confirmed        time.Time // when a link was last used for it
}

// AddConsoleLogin returns a token that logs a person in once, within LoginLife.
func (s *DB) AddConsoleLogin(ctx context.Context, user ConsoleUser) (secret.Secret, error) {
	token := rand.Text()
	_, err := s.exec(ctx, `INSERT INTO console_login (id, name, role, expires_at) VALUES ($1, $2, $3, $4)`,
		tokenID(token), user.Name, user.Role, s.now().Add(LoginLife).UnixMilli())
	return secret.New(token), err
}

// UseConsoleLogin returns the person whom a token logs in, once: it returns ErrNotFound
// after that, and if the token has expired.
func (s *DB) UseConsoleLogin(ctx context.Context, token string) (user ConsoleUser, err error) {
	err = s.inTransaction(ctx, func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, `DELETE FROM console_login WHERE id = $1 AND expires_at > $2 RETURNING name, role`, tokenID(token), s.now().UnixMilli())
		return asNotFound(row.Scan(&user.Name, &user.Role))
	})
	return user, err
}

// AddConsoleSession begins a session, and returns its cookie.
func (s *DB) AddConsoleSession(ctx context.Context, user ConsoleUser) (cookie secret.Secret, err error) {
	text, now := rand.Text(), s.now()
	_, err = s.exec(ctx, `INSERT INTO console_session (id, name, role, created_at, used_at, confirmed_at, expires_at) VALUES ($1, $2, $3, $4, $4, $4, $5)`,
		tokenID(text), user.Name, user.Role, now.UnixMilli(), now.Add(SessionLife).UnixMilli())
	return secret.New(text), err
}

// ConsoleSession returns the session of a cookie, which is used now. It returns
// ErrNotFound if there is none, or it has ended.
func (s *DB) ConsoleSession(ctx context.Context, cookie string) (session ConsoleSession, err error) {
	id, now := tokenID(cookie), s.now()
	var created, used, confirmed, expires int64
	err = s.read.QueryRowContext(ctx, `SELECT name, role, created_at, used_at, confirmed_at, expires_at FROM console_session WHERE id = $1 AND expires_at > $2 AND used_at > $3`,
		id, now.UnixMilli(), now.Add(-SessionIdle).UnixMilli()).Scan(&session.Name, &session.Role, &created, &used, &confirmed, &expires)
	if err != nil {
		return ConsoleSession{}, asNotFound(err)
	}
	session.Created, session.Confirmed, session.Expires = time.UnixMilli(created), time.UnixMilli(confirmed), time.UnixMilli(expires)
	if now.Sub(time.UnixMilli(used)) >= sessionUsed {
		_, err = s.exec(ctx, `UPDATE console_session SET used_at = $2 WHERE id = $1 AND used_at < $2`, id, now.UnixMilli())
	}
	return session, err
}

// ConfirmConsoleSession uses up a token that logs in the person of a session with the same
// role, and records that the session was confirmed now. It returns ErrNotFound if there is
// no such session, or no such token.
func (s *DB) ConfirmConsoleSession(ctx context.Context, cookie, token string) error {
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		now := s.now().UnixMilli()
		var user ConsoleUser
		row := tx.QueryRowContext(ctx, `DELETE FROM console_login WHERE id = $1 AND expires_at > $2
			 AND EXISTS (SELECT 1 FROM console_session s WHERE s.id = $3 AND s.name = console_login.name AND s.role = console_login.role)
			 RETURNING name, role`, tokenID(token), now, tokenID(cookie))
		if err := row.Scan(&user.Name, &user.Role); err != nil {
			return asNotFound(err)
		}
		var id string
		return asNotFound(tx.QueryRowContext(ctx, `UPDATE console_session SET confirmed_at = $1 WHERE id = $2 AND expires_at > $1 RETURNING id`, now, tokenID(cookie)).Scan(&id))
	})
}

// EndConsoleSession ends a session. One that there is not is no error.
func (s *DB) EndConsoleSession(ctx context.Context, cookie string) error {
	_, err := s.exec(ctx, `DELETE FROM console_session WHERE id = $1`, tokenID(cookie))
	return err
}

func tokenID(token string) string {
	digest := sha256.Sum256([]byte(token))
	return hex.EncodeToString(digest[:])
}
