package main

import (
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
)

// sasVersion is pinned: a signature with the SDK's own version would change when the SDK does.
const sasVersion = "2022-11-02"

// sign makes the shared access signature that is bound to a stored policy. It holds no time and no permission of its own,
// so it depends on the account's key, the container and the policy's id alone.
func sign(s settings, containerName, policyID string) (string, error) {
	values := sas.BlobSignatureValues{Version: sasVersion, ContainerName: containerName, Identifier: policyID}
	if s.endpoint.Scheme == "https" {
		values.Protocol = sas.ProtocolHTTPS
	}
	signed, err := values.SignWithSharedKey(s.key)
	if err != nil {
		return "", fmt.Errorf("sign for policy %s: %w", policyID, err)
	}
	return signed.Encode(), nil
}
