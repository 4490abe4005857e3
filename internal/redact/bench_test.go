package redact_test

import (
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/redact"
)

func BenchmarkText(b *testing.B) {
	const cause = `operation error S3: CreateBucket, https response error StatusCode: 503, RequestID: 1, api error SlowDown`
	texts := map[string]string{
		"plain":     cause[:100],
		"URL":       `Put "https://me:password@s3.example.com:9000/bucket-1?X-Amz-Signature=0123456789abcdef&x=1": EOF, again`[:100],
		"1 KiB":     strings.Repeat(cause+" ", 10)[:1024],
		"8 MiB":     strings.Repeat(cause+" ", 80<<10)[:8<<20],
		"8 MiB, =:": strings.Repeat("key=:@", 2<<20)[:8<<20],
	}
	secrets := []string{"us-east-1", "https://s3.example.com", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}
	for name, text := range texts {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = redact.Text(text, secrets)
			}
		})
	}
}
