// What statements are made of, and how their rows are read.

package state

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// eachRow calls scan for each row that a query within a transaction returns.
func eachRow(ctx context.Context, tx *sql.Tx, scan func(*sql.Rows) error, text string, values ...any) error {
	rows, err := tx.QueryContext(ctx, text, values...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// parameters returns count parameters of a statement, the first of which has a number:
// "$2, $3".
func parameters(first, count int) string {
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("$%d", first+i)
	}
	return strings.Join(names, ", ")
}

// placeholders returns the rows of a VALUES clause: for 2 rows and 2 columns
// "($1, $2), ($3, $4)". Each row ends with the given constants.
func placeholders(rows, columns int, constants ...string) string {
	var text strings.Builder
	for row := range rows {
		if row > 0 {
			text.WriteString(", ")
		}
		text.WriteByte('(')
		for column := range columns {
			if column > 0 {
				text.WriteString(", ")
			}
			fmt.Fprintf(&text, "$%d", row*columns+column+1)
		}
		for _, constant := range constants {
			text.WriteString(", " + constant)
		}
		text.WriteByte(')')
	}
	return text.String()
}

// typed returns the rows of a VALUES clause whose columns have types: PostgreSQL takes
// them from the first row.
func typed(rows int, types ...string) string {
	var first strings.Builder
	for i, name := range types {
		if i > 0 {
			first.WriteString(", ")
		}
		fmt.Fprintf(&first, "CAST($%d AS %s)", i+1, name)
	}
	text := "(" + first.String() + ")"
	for row := 1; row < rows; row++ {
		text += ", (" + parameters(row*len(types)+1, len(types)) + ")"
	}
	return text
}

// anySlice returns texts as the values of a statement.
func anySlice(texts []string) []any {
	values := make([]any, len(texts))
	for i, text := range texts {
		values[i] = text
	}
	return values
}
