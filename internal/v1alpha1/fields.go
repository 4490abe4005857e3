package v1alpha1

import "github.com/doomshrine/gocosi/internal/redact"

// Fields says what may be shown of the messages. Upstream declares the option cosi_secret but sets it on no field, so this
// table is the only source. It does not change.
var Fields = redact.Fields{
	"cosi.v1alpha1.DriverGetInfoResponse.name":                            redact.Public,
	"cosi.v1alpha1.DriverCreateBucketRequest.name":                        redact.Public,
	"cosi.v1alpha1.DriverCreateBucketRequest.parameters":                  redact.Keys,
	"cosi.v1alpha1.DriverCreateBucketResponse.bucket_id":                  redact.Public,
	"cosi.v1alpha1.DriverCreateBucketResponse.bucket_info":                redact.Public,
	"cosi.v1alpha1.DriverDeleteBucketRequest.bucket_id":                   redact.Public,
	"cosi.v1alpha1.DriverDeleteBucketRequest.delete_context":              redact.Keys,
	"cosi.v1alpha1.DriverGrantBucketAccessRequest.bucket_id":              redact.Public,
	"cosi.v1alpha1.DriverGrantBucketAccessRequest.name":                   redact.Public,
	"cosi.v1alpha1.DriverGrantBucketAccessRequest.authentication_type":    redact.Public,
	"cosi.v1alpha1.DriverGrantBucketAccessRequest.parameters":             redact.Keys,
	"cosi.v1alpha1.DriverGrantBucketAccessResponse.account_id":            redact.Public,
	"cosi.v1alpha1.DriverGrantBucketAccessResponse.credentials":           redact.Public,
	"cosi.v1alpha1.CredentialDetails.secrets":                             redact.Keys,
	"cosi.v1alpha1.DriverRevokeBucketAccessRequest.bucket_id":             redact.Public,
	"cosi.v1alpha1.DriverRevokeBucketAccessRequest.account_id":            redact.Public,
	"cosi.v1alpha1.DriverRevokeBucketAccessRequest.revoke_access_context": redact.Keys,
	"cosi.v1alpha1.Protocol.s3":                                           redact.Public,
	"cosi.v1alpha1.Protocol.azureBlob":                                    redact.Public,
	"cosi.v1alpha1.Protocol.gcs":                                          redact.Public,
	"cosi.v1alpha1.S3.region":                                             redact.Public,
	"cosi.v1alpha1.S3.signature_version":                                  redact.Public,
	"cosi.v1alpha1.AzureBlob.storage_account":                             redact.Public,
	"cosi.v1alpha1.GCS.private_key_name":                                  redact.Public,
	"cosi.v1alpha1.GCS.project_id":                                        redact.Public,
	"cosi.v1alpha1.GCS.service_account":                                   redact.Public,
}
