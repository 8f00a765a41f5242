// Makes the files beside it: caches as postfix-tlspol writes them, by Go's own encoding/gob.
//
//	go run make.go
//
// The types have the names and fields of those that its versions encode: 1.8.0 to 1.8.12, 1.8.13 to
// 1.8.17 (which counts queries), and 1.9 (which keeps DANE and MTA-STS apart, as its main branch of
// April 2026 does). All times are in November 2026.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/gob"
	"os"
	"time"
)

type Expirable struct {
	ExpiresAt  time.Time
	LastUpdate time.Time
}

type PolicyBranch struct {
	ExpiresAt time.Time
	Policy    string
	Report    string
	TTL       uint32
}

var fetched = time.Date(2026, 11, 1, 12, 0, 0, 500, time.UTC)

const month, year = 2592000, 31557600

func report(domain string, mode string, maxAge string) string {
	return "policy_type=sts policy_domain=" + domain + " mx_host_pattern=mx." + domain +
		" mx_host_pattern=*.backup." + domain +
		" { policy_string = version: STSv1 } { policy_string = mode: " + mode + " }" +
		" { policy_string = mx: mx." + domain + " } { policy_string = mx: *.backup." + domain + " }" +
		" { policy_string = max_age: " + maxAge + " }"
}

func secure(domain string) string {
	return "secure match=mx." + domain + ":.backup." + domain + " servername=hostname"
}

func save(name string, data any) {
	var buf bytes.Buffer
	if err := gob.NewEncoder(&buf).Encode(data); err != nil {
		panic(err)
	}
	f, err := os.Create(name)
	if err != nil {
		panic(err)
	}
	g, _ := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if _, err := g.Write(buf.Bytes()); err != nil {
		panic(err)
	}
	g.Close()
	f.Close()
}

func until(ttl int) *Expirable {
	return &Expirable{ExpiresAt: fetched.Add(time.Duration(ttl+7) * time.Second), LastUpdate: fetched}
}

func early() {
	type CacheStruct struct {
		*Expirable
		Policy string
		Report string
		TTL    uint32
	}
	save("1.8.0.db", map[string]*CacheStruct{
		"week.example":     {until(604800), secure("week.example"), report("week.example", "enforce", "604800"), 604800},
		"year.example":     {until(month), secure("year.example"), report("year.example", "enforce", "31557600"), month},
		"dane.example":     {until(3600), "dane-only", "", 3600},
		"none.example":     {until(600), "", "", 600},
		"doubled.example ": {until(month), secure("doubled.example") + " policy_type=sts", "", month},
	})
}

func counting() {
	type CacheStruct struct {
		*Expirable
		Policy  string
		Report  string
		TTL     uint32
		Counter uint32
	}
	save("1.8.17.db", map[string]*CacheStruct{
		"week.example": {until(604800), secure("week.example"), report("week.example", "enforce", "604800"), 604800, 12},
		"year.example": {until(month), secure("year.example"), report("year.example", "enforce", "31557600"), month, 1},
		"dane.example": {until(3600), "dane", "", 3600, 300},
		"none.example": {until(600), "", "", 600, 0},
	})
}

func apart() {
	type CacheStruct struct {
		DaneLastAttempt   time.Time
		MtaStsLastAttempt time.Time
		*Expirable
		Policy  string
		Report  string
		Dane    PolicyBranch
		MtaSts  PolicyBranch
		TTL     uint32
		Counter uint32
	}
	day := fetched.Add(24 * time.Hour)
	branch := func(domain string, ttl int, maxAge string) PolicyBranch {
		return PolicyBranch{fetched.Add(time.Duration(ttl) * time.Second), secure(domain), report(domain, "enforce", maxAge), uint32(ttl)}
	}
	save("1.9.db", map[string]*CacheStruct{
		"week.example": {fetched, fetched, until(86400), secure("week.example"), report("week.example", "enforce", "604800"),
			PolicyBranch{ExpiresAt: day, TTL: 86400}, branch("week.example", 604800, "604800"), 86400, 12},
		"year.example": {day, day, until(86400), "", "",
			PolicyBranch{}, branch("year.example", month, "31557600"), 0, 0},
		"both.example": {fetched, fetched, until(3600), "dane-only", "",
			PolicyBranch{day, "dane-only", "", 3600}, branch("both.example", month, "31557600"), 3600, 4},
		"dane.example": {fetched, fetched, until(3600), "dane-only", "",
			PolicyBranch{day, "dane-only", "", 3600}, PolicyBranch{ExpiresAt: day, TTL: 86400}, 3600, 4},
		"none.example":  {fetched, fetched, until(1800), "", "", PolicyBranch{ExpiresAt: day, TTL: 1800}, PolicyBranch{ExpiresAt: day, TTL: 1800}, 1800, 0},
		"stats.example": {Expirable: &Expirable{}, Counter: 9},
		// One that 1.8 wrote, and 1.9 has loaded and saved.
		"old.example": {time.Time{}, time.Time{}, until(month), secure("old.example"), report("old.example", "enforce", "31557600"), PolicyBranch{}, PolicyBranch{}, month, 2},
	})
}

func main() {
	early()
	counting()
	apart()
}
