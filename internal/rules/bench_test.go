package rules_test

import (
	"testing"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/rules"
)

// BenchmarkGrant measures the rules' share of a call, for the most expensive pair of messages.
func BenchmarkGrant(b *testing.B) {
	request := &cosi.DriverGrantBucketAccessRequest{
		BucketId: "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11", Name: "ba-0f4e8f52-3c0b-4a3c-8d0a-5a2b7c9d1e33",
		AuthenticationType: cosi.AuthenticationType_Key,
	}
	response := &cosi.DriverGrantBucketAccessResponse{
		AccountId: request.GetName(),
		Credentials: map[string]*cosi.CredentialDetails{"s3": {Secrets: map[string]string{
			"accessKeyID": "AKEXAMPLE", "accessSecretKey": "secret", "endpoint": "https://s3.example.com", "region": "eu",
		}}},
	}
	b.ReportAllocs()
	for b.Loop() {
		if rules.Request(request) != nil || rules.Response(request, response) != nil || rules.Advice(response) != nil {
			b.Fatal("refused a valid message, want none refused")
		}
	}
}
