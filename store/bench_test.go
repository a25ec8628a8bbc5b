package store

import (
	"fmt"
	"strings"
	"testing"
)

// record is about as long as a call's record is.
var record = thing{N: 1, Text: strings.Repeat("x", 600)}

// A definition, on the disk.
func BenchmarkPut(b *testing.B) {
	for name, path := range map[string]string{"file": filePath(b), "memory": ""} {
		b.Run(name, func(b *testing.B) {
			s := openAt(b, path, Options{})
			defer s.Close()
			c := collectionOf(b, s)
			for i := 0; b.Loop(); i++ {
				if err := c.Put(fmt.Sprint("key ", i%1000), record); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Many at once share commits.
func BenchmarkPutParallel(b *testing.B) {
	s := openAt(b, filePath(b), Options{})
	c := collectionOf(b, s)
	b.SetParallelism(64)
	before := s.Stats().Commits
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if err := c.Put(fmt.Sprint("key ", i%1000), record); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/float64(s.Stats().Commits-before), "puts/commit")
}

// What a caller spends on a record; the disk's share is in the second figure.
func BenchmarkAppend(b *testing.B) {
	s := openAt(b, filePath(b), Options{})
	l := logOf(b, s, LogOptions{})
	i := 0
	for b.Loop() {
		if err := l.Append(at(i), "participant-id", record); err != nil {
			b.StopTimer()
			if err := s.Flush(); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
		}
		i++
	}
}

// Records to the disk, the wait for it included.
func BenchmarkAppendFlushed(b *testing.B) {
	s := openAt(b, filePath(b), Options{})
	l := logOf(b, s, LogOptions{})
	for i := 0; b.Loop(); i++ {
		for n := range 1000 {
			if err := l.Append(at(i*1000+n), "participant-id", record); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
}

func BenchmarkPage(b *testing.B) {
	s := openAt(b, filePath(b), Options{QueueLen: 20000, QueueBytes: 64 << 20})
	l := logOf(b, s, LogOptions{})
	for i := range 20000 {
		if err := l.Append(at(i), "participant-id", record); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if p, err := l.Page(Query[thing]{Limit: 100}); err != nil || len(p.Records) != 100 {
			b.Fatal(err)
		}
	}
}
