<?php
/**
 * Runs a call of the plugin with stand-ins for WordPress: run.php PLUGIN, with the call as JSON on standard input.
 *
 * The request to the service is a real one. Prints {status, body, posts, meta, options} as JSON.
 */

define( 'ABSPATH', __DIR__ );
$call  = json_decode( stream_get_contents( STDIN ), true );
$hooks = array();
$world = array(
	'options' => array( 'depesche_settings' => $call['settings'] ?? array() ),
	'routes'  => array(),
	'posts'   => array(),
	'errors'  => array(),
	'removed' => null,
	'scripts' => array(),
);

class WP_Error {
	public $code;
	public $message;
	public $data;
	public function __construct( $code, $message, $data = array() ) {
		$this->code    = $code;
		$this->message = $message;
		$this->data    = $data;
	}
}

class WP_Post {
	public $ID        = 7;
	public $post_type = 'post';
}

class WP_REST_Response {
	public $data;
	public $status;
	public function __construct( $data, $status = 200 ) {
		$this->data   = $data;
		$this->status = $status;
	}
}

class WP_REST_Request implements ArrayAccess {
	private $fields;
	private $nonce;
	public function __construct( $fields, $nonce ) {
		$this->fields = $fields;
		$this->nonce  = $nonce;
	}
	public function get_header( $name ) {
		return 'X-WP-Nonce' === $name ? $this->nonce : null;
	}
	public function offsetExists( $name ): bool {
		return isset( $this->fields[ $name ] );
	}
	#[ReturnTypeWillChange]
	public function offsetGet( $name ) {
		return $this->fields[ $name ] ?? null;
	}
	public function offsetSet( $name, $value ): void {
		$this->fields[ $name ] = $value;
	}
	public function offsetUnset( $name ): void {
		unset( $this->fields[ $name ] );
	}
}

function add_action( $name, $callback ) {
	$GLOBALS['hooks'][ $name ][] = $callback;
}
function add_filter( $name, $callback ) {
	add_action( $name, $callback );
}
function register_activation_hook( $file, $callback ) {
	add_action( 'activate', $callback );
}
function register_uninstall_hook( $file, $callback ) {
	add_action( 'uninstall', $callback );
}
function happen( $name, ...$args ) {
	foreach ( $GLOBALS['hooks'][ $name ] ?? array() as $callback ) {
		$callback( ...$args );
	}
}
function get_option( $name, $otherwise = false ) {
	return $GLOBALS['world']['options'][ $name ] ?? $otherwise;
}
function add_option( $name, $value ) {
	$GLOBALS['world']['options'] += array( $name => $value );
}
function delete_option( $name ) {
	unset( $GLOBALS['world']['options'][ $name ] );
}
function wp_parse_args( $given, $defaults ) {
	return array_merge( $defaults, $given );
}
function register_rest_route( $space, $route, $about ) {
	$GLOBALS['world']['routes'][ $space . $route ] = $about;
}
function wp_verify_nonce( $nonce, $action ) {
	return 'good' === $nonce && 'wp_rest' === $action ? 1 : false;
}
function current_user_can( $capability ) {
	return in_array( $capability, $GLOBALS['call']['may'] ?? array( 'edit_posts', 'edit_post' ), true );
}
function get_current_user_id() {
	return 3;
}
function get_post( $id ) {
	return 7 === $id ? new WP_Post() : null;
}
function get_post_type_object( $name ) {
	return (object) array( 'cap' => (object) array( 'create_posts' => 'edit_posts' ) );
}
function get_edit_post_link( $id ) {
	return 'https://cms.example/wp-admin/post.php?post=' . $id . '&action=edit';
}
function is_wp_error( $thing ) {
	return $thing instanceof WP_Error;
}
function __( $text ) {
	return $text;
}
function esc_url_raw( $url, $protocols = array( 'http', 'https' ) ) {
	$scheme = parse_url( $url, PHP_URL_SCHEME );
	return null === $scheme || in_array( $scheme, $protocols, true ) ? $url : '';
}
function wp_parse_url( $url, $part ) {
	return parse_url( $url, $part );
}
function untrailingslashit( $text ) {
	return rtrim( $text, '/' );
}
function add_settings_error( $option, $code, $message ) {
	$GLOBALS['world']['errors'][] = $code;
}
function sanitize_text_field( $text ) {
	return trim( strip_tags( $text ) );
}
function sanitize_key( $text ) {
	return preg_replace( '/[^a-z0-9_\-]/', '', strtolower( $text ) );
}
function wp_strip_all_tags( $text ) {
	return trim( strip_tags( preg_replace( '@<(script|style)[^>]*?>.*?</\\1>@si', '', $text ) ) );
}
function wp_kses_post( $text ) {
	return preg_replace( '@</?(script|iframe)[^>]*>@i', '', $text );
}
function wp_slash( $value ) {
	return is_array( $value ) ? array_map( 'wp_slash', $value ) : ( is_string( $value ) ? addslashes( $value ) : $value );
}
function wp_unslash( $value ) {
	return is_array( $value ) ? array_map( 'wp_unslash', $value ) : ( is_string( $value ) ? stripslashes( $value ) : $value );
}
function wp_json_encode( $value ) {
	return json_encode( $value );
}
function wp_insert_post( $post ) {
	$GLOBALS['world']['posts'][] = wp_unslash( $post );
	return 8;
}
function wp_remote_post( $url, $about ) {
	$lines = array();
	foreach ( $about['headers'] as $name => $value ) {
		$lines[] = "$name: $value";
	}
	$http = array( 'method' => 'POST', 'header' => $lines, 'content' => $about['body'], 'timeout' => $about['timeout'] );
	$http = array( 'http' => $http + array( 'ignore_errors' => true, 'follow_location' => 0 ) );
	$body = @file_get_contents( $url, false, stream_context_create( $http ) );
	if ( false === $body ) {
		return new WP_Error( 'http_request_failed', 'no connection' );
	}
	$GLOBALS['world']['sent'] = array( 'headers' => $about['headers'], 'body' => json_decode( $about['body'], true ) );
	return array( 'head' => $http_response_header, 'body' => $body );
}
function wp_remote_retrieve_response_code( $answer ) {
	return explode( ' ', $answer['head'][0] )[1];
}
function wp_remote_retrieve_body( $answer ) {
	return $answer['body'];
}
function wp_remote_retrieve_header( $answer, $wanted ) {
	foreach ( $answer['head'] as $line ) {
		list( $name, $value ) = explode( ':', $line, 2 ) + array( '', '' );
		if ( strtolower( $name ) === $wanted ) {
			return trim( $value );
		}
	}
	return '';
}
function get_current_screen() {
	return (object) array( 'base' => $GLOBALS['call']['screen'] ?? 'post' );
}
function wp_register_script( $name, $file, $needs ) {
	$GLOBALS['world']['scripts'][ $name ] = array( 'needs' => $needs );
}
function wp_enqueue_script( $name ) {
	$GLOBALS['world']['scripts'][ $name ]['queued'] = true;
}
function wp_add_inline_script( $name, $source ) {
	$GLOBALS['world']['scripts'][ $name ]['source'] = $source;
}

require $argv[1];

switch ( $call['do'] ) {
	case 'ask':
		happen( 'rest_api_init' );
		$route   = $world['routes'][ 'depesche/v1/' . $call['route'] ];
		$request = new WP_REST_Request( $call['fields'], $call['nonce'] ?? 'good' );
		$found   = $route['permission_callback']( $request ) ? $route['callback']( $request ) : new WP_Error( 'rest_forbidden', '', array( 'status' => 401 ) );
		$world['answer'] = is_wp_error( $found )
			? array( 'status' => $found->data['status'], 'code' => $found->code, 'message' => $found->message )
			: array( 'status' => $found->status, 'body' => $found->data );
		break;
	case 'sanitize':
		$world['answer'] = \Depesche\sanitize_settings( $call['sent'] );
		break;
	case 'uninstall':
		happen( 'activate' );
		happen( 'uninstall' );
		break;
	case 'editor':
		happen( 'enqueue_block_editor_assets' );
		break;
}
echo json_encode( $world );
