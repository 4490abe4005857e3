package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// granted is what a grant returns for S3.
type granted struct {
	Endpoint        string `json:"endpoint"`
	Region          string `json:"region"`
	AccessKeyID     string `json:"accessKeyID"`
	AccessSecretKey string `json:"accessSecretKey"`
}

func readGranted(answer []byte) (*granted, error) {
	var grant struct {
		Credentials struct {
			S3 granted `json:"s3"`
		} `json:"credentials"`
	}
	if err := json.Unmarshal(answer, &grant); err != nil {
		return nil, fmt.Errorf("read the grant: %w", err)
	}
	g := &grant.Credentials.S3
	if g.Endpoint == "" || g.Region == "" || g.AccessKeyID == "" || g.AccessSecretKey == "" {
		return nil, errors.New("the grant lacks an endpoint, a region, or a key")
	}
	return g, nil
}

// keys are what stays the same when the store moves.
func (g *granted) keys() [2]string { return [2]string{g.AccessKeyID, g.AccessSecretKey} }

// client is a plain one, with nothing but what was granted. It tries once: every answer counts.
func (g *granted) client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: &g.Endpoint, Region: g.Region, UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(g.AccessKeyID, g.AccessSecretKey, ""),
	})
}
