package seed

import "fmt"

// check compares what the files say with each other.
func (r *reader) check() {
	used := make(map[string]string)
	unique := func(line int, kind, id, path string) {
		if before, ok := used[kind+id]; ok {
			r.complain(accountsFile, line, "%s: %s is also that of %s", path, id, before)
		}
		used[kind+id] = path
	}
	for i, a := range r.seed.Accounts {
		path := fmt.Sprintf("business_accounts[%d]", i)
		unique(a.At.line, "", a.ID, path+".id")
		for k, n := range a.PhoneNumbers {
			unique(n.At.line, "", n.ID, fmt.Sprintf("%s.phone_numbers[%d].id", path, k))
		}
	}
	for i, k := range r.seed.Keys {
		unique(k.At.line, "key ", k.ID, fmt.Sprintf("keys[%d].id", i))
	}
}

// CheckReferences compares a seed with a world: ids are those that exist outside of the seed,
// by Meta's ids. It returns an *Error, or nil.
func (s *Seed) CheckReferences(accounts, numbers, keys []string) error {
	var problems []Problem
	complain := func(file string, line int, format string, args ...any) {
		problems = append(problems, Problem{file, line, fmt.Sprintf(format, args...)})
	}
	isAccount, isNumber, isKey := set(accounts), set(numbers), set(keys)
	for i, k := range s.Keys {
		if isKey[k.ID] {
			complain(accountsFile, k.At.line, "keys[%d].id: %s is the key of the sample account; choose another one", i, k.ID)
		}
	}
	for i, a := range s.Accounts {
		if isAccount[a.ID] || isNumber[a.ID] {
			complain(accountsFile, a.At.line, "business_accounts[%d].id: %s is an id of the sample account, which is always there; choose another one", i, a.ID)
		}
		for k, n := range a.PhoneNumbers {
			if isAccount[n.ID] || isNumber[n.ID] {
				complain(accountsFile, n.At.line, "business_accounts[%d].phone_numbers[%d].id: %s is an id of the sample account, which is always there; choose another one", i, k, n.ID)
			}
		}
	}
	for _, a := range s.Accounts {
		isAccount[a.ID] = true
		for _, n := range a.PhoneNumbers {
			isNumber[n.ID] = true
		}
	}
	for i, p := range s.People {
		if p.PhoneNumberID != "" && !isNumber[p.PhoneNumberID] {
			complain(peopleFile, p.At.line, "people[%d].phone_number_id: there is no phone number %.40q; expected Meta's id of one of the sample account or of %s", i, p.PhoneNumberID, accountsFile)
		}
	}
	for _, t := range s.Templates {
		if t.AccountID != "" && !isAccount[t.AccountID] {
			complain(t.Path, 0, "there is no business account %s; expected Meta's id of the sample account or of one in %s", t.AccountID, accountsFile)
		}
	}
	if len(problems) > 0 {
		return &Error{s.Dir, problems}
	}
	return nil
}

func set(ids []string) map[string]bool {
	is := make(map[string]bool, len(ids))
	for _, id := range ids {
		is[id] = true
	}
	return is
}
