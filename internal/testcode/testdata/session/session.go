// Package session is where the tests of package testcode put the tests that they have made.
package session
