package main

import (
	"reflect"
	"testing"
)

func TestInstanceProfileIsForTheDefaultStore(t *testing.T) {
	given := storeList{{Buckets: []string{"a"}}}
	for _, row := range []struct {
		command serveCommand
		want    storeList
	}{
		{serveCommand{}, storeList{{}}},
		{serveCommand{InstanceProfile: true}, storeList{{UseInstanceProfile: true}}},
		{serveCommand{Store: given}, given},
	} {
		if got := storeList(row.command.config().Objects.Stores); !reflect.DeepEqual(got, row.want) {
			t.Errorf("the stores are %+v, want %+v", got, row.want)
		}
	}
}
