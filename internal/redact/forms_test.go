package redact_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/redact"
)

// canary stands for the secret in the forms below; nobody told Text about it.
const canary = "hunter2/Pa55+w0rd"

// forms lists the usual ways in which a secret stands in a text: CANARY marks it.
var forms = map[string]string{
	"URL":                         `dial https://user:CANARY@host:1/x failed`,
	"URL, user alone":             `https://CANARY@host/x`,
	"URL, percent-encoded":        `postgres://me:%40CANARY%2F@host/db: refused`,
	"address with a user":         `user:CANARY@host:5432/db`,
	"data source name":            `me:CANARY@tcp(host:3306)/db`,
	"password=":                   `host=h password=CANARY dbname=d`,
	"a value with commas":         `password=a,CANARY;x`,
	"a value with quotes":         `dsn: user='me' password='it''s CANARY' host=h`,
	"pwd=":                        `Server=h;Uid=me;Pwd=CANARY;`,
	"spaces around the sign":      `password = CANARY`,
	"YAML":                        "user: me\npassword: CANARY\n",
	"JSON":                        `{"user":"me","password":"CANARY"}`,
	"JSON, escaped quote":         `{"password":"a\"CANARY"}`,
	"JSON within JSON":            `{"body":"{\"password\":\"a\\\"CANARY\"}"}`,
	"JSON, number and list":       `{"tokens":3,"credentials":["CANARY"]}`,
	"Python":                      `{'password': 'CANARY'}`,
	"PHP":                         `array("password" => "CANARY")`,
	"Go literal":                  `Config{Password:"CANARY", Host:"h"}`,
	"Go print of a struct":        `{Endpoint:https://h AccessSecretKey:CANARY}`,
	"Go print of a map":           `map[accessKeyID:AK accessSecretKey:CANARY endpoint:h]`,
	"Go print of headers":         `map[Authorization:[Bearer CANARY] Host:[h]]`,
	"protobuf text":               `secrets:{key:"accessSecretKey" value:"CANARY"}`,
	"protobuf text, two spaces":   `secrets:{key:"accessSecretKey"  value:"CANARY"}`,
	"protobuf text, lines":        "secrets: {\n  key: \"accessSecretKey\"\n  value: \"CANARY\"\n}",
	"list of variables":           `env: [{Name:DB_KEY Value:CANARY}]`,
	"list of variables, JSON":     `{"name":"DB_PASSWORD","value":"CANARY"}`,
	"XML":                         `<SecretAccessKey>CANARY</SecretAccessKey>`,
	"environment":                 `AWS_SECRET_ACCESS_KEY=CANARY`,
	"token=":                      `GET /x?token=CANARY&y=1`,
	"X-Amz-Security-Token=":       `X-Amz-Security-Token=CANARY&X-Amz-Date=1`,
	"X-Amz-Signature=":            `?X-Amz-Expires=1&X-Amz-Signature=CANARY`,
	"X-Amz-Credential=":           `?X-Amz-Credential=CANARY%2F20300101%2Feu%2Fs3`,
	"S3 signature of version 2":   `AWSAccessKeyId=AK&Signature=CANARY&Expires=1`,
	"shared access signature":     `https://h/c/o?sv=2&sig=CANARY%3D&se=1`,
	"client_secret=":              `grant_type=client_credentials&client_secret=CANARY`,
	"api-key:":                    `X-Api-Key: CANARY`,
	"connection string":           `AccountName=a;AccountKey=CANARY==;EndpointSuffix=x`,
	"Authorization: Bearer":       `Authorization: Bearer CANARY`,
	"Authorization: Basic":        `"Authorization": "Basic CANARY"`,
	"Authorization: AWS4":         `Authorization: AWS4-HMAC-SHA256 Credential=AK/x, SignedHeaders=host, Signature=CANARY`,
	"Bearer alone":                `got "Bearer CANARY"`,
	"flag=":                       `exec: mc --password=CANARY`,
	"flag and word":               `exec: mc --secret-key CANARY --debug`,
	"private key":                 "-----BEGIN RSA PRIVATE KEY-----\nabcdef\nCANARY\n-----END RSA PRIVATE KEY-----",
	"private key, escaped":        `"-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----\n"`,
	"JSON Web Token":              `bad token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.CANARY`,
	"short flag":                  `mc -p CANARY`,
	"curl's user":                 `curl -u me:CANARY`,
	"cookie":                      `Set-Cookie: session=CANARY; Path=/`,
	"netrc":                       `machine h login me password CANARY`,
	"prose":                       `the password is CANARY`,
	"two columns":                 `PASSWORD | CANARY`,
	"encoded sign":                `redirect=x%3Fpassword%3DCANARY`,
	"a plural":                    `passwords=[CANARY]`,
	"object in a value":           `{"secret":{"data":"CANARY"}}`,
	"name on a line of its own":   "password:\n  CANARY",
	"unquoted value with a space": `password=a CANARY`,
	"key of a known shape alone":  `ghp_CANARY`,
}

// left returns the forms that docs/operations.md says are not masked.
func left(t *testing.T) []string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "\n## What is kept out of logs")
	section, _, _ = strings.Cut(section, "\n## ")
	var names []string
	for _, row := range regexp.MustCompile("(?m)^\\| ([^|`]+) \\| `").FindAllStringSubmatch(section, -1) {
		names = append(names, row[1])
	}
	return names
}

func TestUsualForms(t *testing.T) {
	t.Parallel()
	unmasked := left(t)
	masked := 0
	for name, form := range forms {
		shown := redact.Text(strings.ReplaceAll(form, "CANARY", canary), nil)
		stays := strings.Contains(shown, canary[:4]) || strings.Contains(shown, canary[8:])
		if !stays {
			masked++
		}
		if listed := slices.Contains(unmasked, name); stays != listed {
			t.Errorf("%s: shown is %t (%s), listed in docs/operations.md is %t", name, stays, shown, listed)
		}
	}
	for _, name := range unmasked {
		if forms[name] == "" {
			t.Errorf("docs/operations.md lists %q, want a form of this table", name)
		}
	}
	t.Logf("%d of %d usual forms are masked", masked, len(forms))
}
