<?php
/**
 * Plugin Name:       Depesche
 * Description:       A teaser and an English version of a German article, made by your own Depesche service.
 * Version:           0.2.0
 * Requires at least: 6.0
 * Requires PHP:      7.4
 * License:           Apache-2.0
 * License URI:       https://www.apache.org/licenses/LICENSE-2.0
 * Text Domain:       depesche
 *
 * Settings → Depesche takes the address of the service and a key. The editor of a post then has a panel with two
 * buttons. The browser asks WordPress, and WordPress asks the service: the browser learns neither address nor key.
 *
 * An article can take longer than PHP may run. A click therefore starts a task, and the panel polls its state:
 *   - If the service has a Redis server, the task is a job of the service (`Prefer: respond-async`).
 *   - Otherwise, the panel sends one more request, in which PHP waits for the result, and does not wait for the response.
 *     PHP does not count the time that it waits, and goes on if the web server closes the connection. If the process is
 *     killed, the panel sends the request again. The service then has the finished sentences in its cache.
 */

namespace Depesche;

use WP_Error;
use WP_Post;
use WP_REST_Request;

defined( 'ABSPATH' ) || exit;

const OPTION      = 'depesche_settings';
const PAGE        = 'depesche';
const NAMESPACE_1 = 'depesche/v1';
const KEPT_S      = 3600; // how long the state of a task is stored
const LIMIT_S     = 900; // a task that runs longer has failed
const POLL_S      = 2;
const CALL_S      = 10; // time limit of a call that starts or polls a job
const WORK_S      = 300; // time limit of the request in which PHP waits for the result
// Meta of an English version. They stay when the plugin goes: where a text comes from is part of the text.
const META_SOURCE   = '_depesche_source';
const META_MACHINE  = '_depesche_machine_made';
const META_REVIEWED = '_depesche_human_reviewed';
const META_RECORD   = '_depesche_provenance';
const META_NOTES    = '_depesche_notes';
const META_ENGLISH  = '_depesche_english';

register_activation_hook( __FILE__, __NAMESPACE__ . '\activate' );
add_action( 'init', __NAMESPACE__ . '\register_meta_fields' );
add_action( 'admin_init', __NAMESPACE__ . '\register_settings' );
add_action( 'admin_menu', __NAMESPACE__ . '\register_page' );
add_action( 'rest_api_init', __NAMESPACE__ . '\register_routes' );
add_action( 'enqueue_block_editor_assets', __NAMESPACE__ . '\enqueue_panel' );
add_filter( 'gettext_depesche', __NAMESPACE__ . '\translated', 10, 2 );
add_filter( 'display_post_states', __NAMESPACE__ . '\post_states', 10, 2 );

function activate(): void {
	add_option( OPTION, array(), '', false );
	register_uninstall_hook( __FILE__, __NAMESPACE__ . '\uninstall' );
}

/** Address and key go; posts and what is said about their origin stay. */
function uninstall(): void {
	delete_option( OPTION );
}

// Settings.

function settings(): array {
	return wp_parse_args( (array) get_option( OPTION, array() ), array( 'url' => '', 'key' => '' ) );
}

function register_settings(): void {
	register_setting(
		PAGE,
		OPTION,
		array( 'type' => 'object', 'sanitize_callback' => __NAMESPACE__ . '\sanitize_settings', 'show_in_rest' => false )
	);
	add_settings_section( 'service', '', '__return_null', PAGE );
	add_settings_field( 'url', __( 'Address', 'depesche' ), __NAMESPACE__ . '\url_field', PAGE, 'service', array( 'label_for' => 'depesche-url' ) );
	add_settings_field( 'key', __( 'Key', 'depesche' ), __NAMESPACE__ . '\key_field', PAGE, 'service', array( 'label_for' => 'depesche-key' ) );
}

/** What is stored of a sent form: a wrong address leaves the old one, an empty key leaves the old one. */
function sanitize_settings( $sent ): array {
	$stored = settings();
	$sent   = is_array( $sent ) ? $sent : array();
	$typed  = trim( (string) ( $sent['url'] ?? '' ) );
	$url    = untrailingslashit( esc_url_raw( $typed, array( 'http', 'https' ) ) );
	// Not wp_http_validate_url: it refuses private addresses, and such a service belongs on one.
	if ( '' !== $typed && ! preg_match( '#^https?://[^/\s]+#i', $typed ) ) {
		add_settings_error( OPTION, 'url', __( 'The address has to be like https://depesche.example', 'depesche' ) );
		$url = $stored['url'];
	}
	$key = sanitize_text_field( (string) ( $sent['key'] ?? '' ) );
	if ( ! empty( $sent['forget_key'] ) ) {
		$key = '';
	} elseif ( '' === $key ) {
		$key = $stored['key'];
	}
	return array( 'url' => $url, 'key' => $key );
}

function register_page(): void {
	add_options_page( 'Depesche', 'Depesche', 'manage_options', PAGE, __NAMESPACE__ . '\show_page' );
}

function show_page(): void {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	echo '<div class="wrap"><h1>Depesche</h1><form action="options.php" method="post">';
	settings_fields( PAGE );
	do_settings_sections( PAGE );
	submit_button();
	echo '</form></div>';
}

function url_field(): void {
	printf(
		'<input id="depesche-url" name="%s[url]" type="url" class="regular-text" value="%s" placeholder="http://127.0.0.1:8000">',
		esc_attr( OPTION ),
		esc_attr( settings()['url'] )
	);
}

/** The stored key is never printed. */
function key_field(): void {
	$stored = '' !== settings()['key'];
	printf(
		'<input id="depesche-key" name="%1$s[key]" type="password" class="regular-text" value="" autocomplete="off" placeholder="%2$s">
		<p><label><input name="%1$s[forget_key]" type="checkbox" value="1"> %3$s</label></p>',
		esc_attr( OPTION ),
		esc_attr( $stored ? __( 'stored; empty keeps it', 'depesche' ) : __( 'none', 'depesche' ) ),
		esc_html__( 'Forget the stored key', 'depesche' )
	);
}

// What is kept beside an English version.

function register_meta_fields(): void {
	$may  = static function ( $allowed, $key, $post_id ) {
		return current_user_can( 'edit_post', $post_id );
	};
	$kept = array(
		META_SOURCE   => 'integer',
		META_MACHINE  => 'boolean',
		META_REVIEWED => 'boolean',
		META_RECORD   => 'string',
		META_NOTES    => 'string',
	);
	foreach ( $kept as $key => $type ) {
		register_meta( 'post', $key, array( 'type' => $type, 'single' => true, 'show_in_rest' => true, 'auth_callback' => $may ) );
	}
}

/** The list of posts says which are machine-made and not reviewed. */
function post_states( array $states, WP_Post $post ): array {
	if ( get_post_meta( $post->ID, META_MACHINE, true ) && ! get_post_meta( $post->ID, META_REVIEWED, true ) ) {
		$states['depesche'] = esc_html__( 'Machine translation, not reviewed', 'depesche' );
	}
	return $states;
}

// REST routes for the panel. All of them answer the state of a task: none, running, done or failed.

function register_routes(): void {
	$text  = array( 'type' => 'string', 'required' => true );
	$post  = array( 'post' => array( 'type' => 'integer', 'required' => true ) );
	$calls = array( 'POST' => 'start_task', 'GET' => 'read_task', 'DELETE' => 'drop_task' );
	$route = array();
	foreach ( $calls as $method => $callback ) {
		$route[] = array(
			'methods'             => $method,
			'callback'            => __NAMESPACE__ . '\\' . $callback,
			'permission_callback' => __NAMESPACE__ . '\may_ask',
			'args'                => $post,
		);
	}
	$route[0]['args'] += array( 'title' => $text, 'excerpt' => $text, 'content' => $text );
	$route[1]['args'] += array( 'work' => array( 'type' => 'boolean', 'default' => false ) );
	register_rest_route( NAMESPACE_1, '/tasks/(?P<kind>teaser|english)', $route );
}

/** Who may write posts, and this one; asked from a page of this site (nonce). */
function may_ask( WP_REST_Request $request ): bool {
	return (bool) wp_verify_nonce( (string) $request->get_header( 'X-WP-Nonce' ), 'wp_rest' )
		&& current_user_can( 'edit_posts' )
		&& current_user_can( 'edit_post', (int) $request['post'] );
}

/** The stored task belongs to one user, one post and one kind. A new task replaces it. */
function place_of( WP_REST_Request $request ): string {
	return sprintf( 'depesche_%d_%d_%s', get_current_user_id(), $request['post'], $request['kind'] );
}

function start_task( WP_REST_Request $request ) {
	$source = get_post( (int) $request['post'] );
	$type   = $source ? get_post_type_object( $source->post_type ) : null;
	if ( 'english' === $request['kind'] && ( ! $type || ! current_user_can( $type->cap->create_posts ) ) ) {
		return failure( 403, 'forbidden', __( 'You may not create such posts.', 'depesche' ) );
	}
	$article = article_of( $request );
	$answer  = call( '/v1/articles', CALL_S, $article, array( 'Prefer' => 'respond-async' ) );
	$task    = array( 'state' => 'running', 'id' => wp_generate_uuid4(), 'started' => time() );
	if ( ! is_wp_error( $answer ) && 202 === $answer['status'] && is_string( $answer['body']['id'] ?? null ) ) {
		$task['job'] = $answer['body']['id'];
	} elseif ( ! is_wp_error( $answer ) && in_array( $answer['body']['code'] ?? '', array( 'async_unavailable', 'async_not_storable' ), true ) ) {
		$task['article'] = $article;
	} else {
		$problem = failure_of( $answer );
		return $problem ? $problem : not_understood();
	}
	set_transient( place_of( $request ), $task, KEPT_S );
	return state_of( $task, $request );
}

/** Reads the state of a task. With `work`, a task without a job waits for its result, for at most WORK_S seconds. */
function read_task( WP_REST_Request $request ) {
	$task = get_transient( place_of( $request ) );
	if ( ! is_array( $task ) ) {
		return state_of( array( 'state' => 'none' ), $request );
	}
	$late = time() > ( $task['started'] ?? time() ) + LIMIT_S;
	if ( 'running' !== $task['state'] || ( isset( $task['article'] ) && ! $request['work'] && ! $late ) ) {
		return state_of( $task, $request );
	}
	ignore_user_abort( true ); // an editor that closes the window finds the result later
	if ( $late ) {
		$found = failed( $task, __( 'The article was not finished in time.', 'depesche' ) );
	} else {
		$before = array_diff_key( $task, array( 'message' => 0, 'wait_s' => 0 ) );
		$found  = isset( $task['job'] ) ? polled( $before, $request ) : worked( $before, $request );
	}
	wp_cache_delete( '_transient_' . place_of( $request ), 'options' );
	$now = get_transient( place_of( $request ) );
	if ( ! is_array( $now ) || $now['id'] !== $task['id'] ) { // dropped or started again during this poll
		return state_of( is_array( $now ) ? $now : array( 'state' => 'none' ), $request );
	}
	$found = isset( $found['answer'] ) ? finished( $found, $request ) : $found;
	set_transient( place_of( $request ), $found, KEPT_S );
	return state_of( $found, $request );
}

function drop_task( WP_REST_Request $request ) {
	delete_transient( place_of( $request ) );
	return state_of( array( 'state' => 'none' ), $request );
}

/** What the panel gets: the state, and for an article with an English version where that is. */
function state_of( array $task, WP_REST_Request $request ): array {
	$shown = array_intersect_key( $task, array_flip( array( 'state', 'message', 'teaser', 'notes' ) ) );
	if ( 'running' === $task['state'] ) {
		$shown['retry_after'] = $task['wait_s'] ?? POLL_S;
		$shown['needs_work']  = isset( $task['article'] );
	}
	if ( 'english' === $request['kind'] ) {
		$draft = (int) get_post_meta( (int) $request['post'], META_ENGLISH, true );
		if ( $draft && 'trash' !== get_post_status( $draft ) && current_user_can( 'edit_post', $draft ) ) {
			$shown['edit_url'] = esc_url_raw( (string) get_edit_post_link( $draft, 'raw' ) );
		}
	}
	return $shown;
}

// Tasks.

/** The body of a request for the article in the editor, which need not be saved. */
function article_of( WP_REST_Request $request ): array {
	$article = array( 'body' => (string) $request['content'], 'format' => 'html', 'clean' => false );
	$title   = trim( (string) $request['title'] );
	$lead    = trim( (string) $request['excerpt'] );
	if ( '' !== $title ) {
		$article['headline'] = $title;
	}
	if ( 'teaser' === $request['kind'] ) {
		return $article + array( 'outputs' => array( 'summary' ), 'style' => 'teaser' );
	}
	return $article + array( 'outputs' => array( 'translation' ) ) + ( '' === $lead ? array() : array( 'lead' => $lead ) );
}

/** Asks the service for the state of a job. A service that is away for a moment does not end the task. */
function polled( array $task, WP_REST_Request $request ): array {
	$answer = call( '/v1/jobs/' . rawurlencode( $task['job'] ), CALL_S );
	if ( is_wp_error( $answer ) || in_array( $answer['status'], array( 429, 502, 503, 504 ), true ) ) {
		$task['message'] = failure_of( $answer )->get_error_message();
		return $task;
	}
	$problem = failure_of( $answer );
	if ( $problem ) {
		return failed( $task, 404 === $answer['status'] ? __( 'The service has lost the task. Please start it again.', 'depesche' ) : $problem->get_error_message() );
	}
	$status = $answer['body']['status'] ?? '';
	if ( 'failed' === $status ) {
		$told = $answer['body']['problem'] ?? array();
		return failed( $task, problem( (int) ( $told['status'] ?? 500 ), $told, 0 )->get_error_message() );
	}
	if ( 'succeeded' === $status ) {
		return answered( $task, $answer['body']['result'] ?? array(), (string) $request['kind'] );
	}
	return $task;
}

/** Waits for the result. If there is none in time, the next request continues with the finished sentences. */
function worked( array $task, WP_REST_Request $request ): array {
	if ( function_exists( 'set_time_limit' ) ) {
		set_time_limit( 2 * WORK_S ); // on Windows, PHP counts the time that it waits
	}
	$answer = call( '/v1/articles', WORK_S, $task['article'] );
	$status = is_wp_error( $answer ) ? 0 : $answer['status'];
	if ( 504 === $status ) {
		return $task;
	}
	$problem = failure_of( $answer );
	if ( in_array( $status, array( 0, 429, 503 ), true ) ) {
		$wait = array( 'wait_s' => 0 === $status ? POLL_S : $answer['retry_after'] );
		return array( 'message' => $problem->get_error_message() ) + $wait + $task;
	}
	return $problem ? failed( $task, $problem->get_error_message() ) : answered( $task, $answer['body'], (string) $request['kind'] );
}

function failed( array $task, string $message ): array {
	unset( $task['article'], $task['job'] );
	return array( 'state' => 'failed', 'message' => $message ) + $task;
}

/** The task with the parts of the service's result that are used later. */
function answered( array $task, $result, string $kind ): array {
	$output = 'teaser' === $kind ? 'summary' : 'translation';
	foreach ( array( 'article', 'models', $output ) as $name ) {
		if ( ! is_array( $result[ $name ] ?? null ) ) {
			return failed( $task, not_understood()->get_error_message() );
		}
	}
	$found          = $result[ $output ];
	$task['answer'] = array(
		'title'   => plain( $found['headline'] ?? '' ),
		'excerpt' => plain( $found['lead'] ?? '' ),
		'text'    => (string) ( $found['text'] ?? '' ),
		'record'  => wp_json_encode( $result['provenance']['jsonld'] ?? array() ),
		'notes'   => notes( $result, $output ),
	);
	return $task;
}

/** Stores the draft of an English version once, also if two windows poll at the same time. */
function finished( array $task, WP_REST_Request $request ): array {
	global $wpdb;
	$done = array( 'state' => 'done', 'id' => $task['id'], 'notes' => $task['answer']['notes'] );
	if ( 'teaser' === $request['kind'] ) {
		return $done + array( 'teaser' => plain( $task['answer']['text'] ) );
	}
	$lock = place_of( $request );
	$wpdb->get_var( $wpdb->prepare( 'SELECT GET_LOCK(%s, %d)', $lock, CALL_S ) );
	$made  = get_posts( array( 'post_type' => 'any', 'post_status' => 'any', 'meta_key' => '_depesche_task', 'meta_value' => $task['id'], 'fields' => 'ids' ) );
	$draft = $made ? $made[0] : insert_draft( get_post( (int) $request['post'] ), $task );
	$wpdb->get_var( $wpdb->prepare( 'SELECT RELEASE_LOCK(%s)', $lock ) );
	if ( is_wp_error( $draft ) ) {
		return failed( $task, $draft->get_error_message() );
	}
	update_post_meta( (int) $request['post'], META_ENGLISH, $draft );
	return $done;
}

/** The English version is a post of its own, so the site keeps both languages. */
function insert_draft( WP_Post $source, array $task ) {
	$answer = $task['answer'];
	// What comes over the network is not trusted more than a contributor: scripts and iframes go, whoever asks.
	$post = array(
		'post_type'    => $source->post_type,
		'post_status'  => 'draft',
		'post_author'  => get_current_user_id(),
		'post_title'   => $answer['title'],
		'post_excerpt' => $answer['excerpt'],
		'post_content' => wp_kses_post( $answer['text'] ),
		'meta_input'   => array(
			META_SOURCE      => $source->ID,
			META_MACHINE     => true,
			META_RECORD      => $answer['record'],
			META_NOTES       => wp_json_encode( $answer['notes'] ),
			'_depesche_task' => $task['id'],
		),
	);
	return wp_insert_post( wp_slash( $post ), true );
}

/** Text without markup. */
function plain( ?string $text ): string {
	return trim( wp_strip_all_tags( (string) $text ) );
}

/** What an editor has to know of a result. */
function notes( array $result, string $output ): array {
	$found    = array_merge( $result['article']['warnings'] ?? array(), $result[ $output ]['warnings'] ?? array() );
	$warnings = array();
	foreach ( $found as $warning ) {
		$message              = plain( $warning['message'] );
		$warnings[ $message ] = array( 'code' => sanitize_key( $warning['code'] ), 'message' => $message, 'review' => ! empty( $warning['review'] ) );
	}
	return array(
		'warnings'     => array_values( $warnings ),
		'needs_review' => ! empty( $result[ $output ]['needs_review'] ),
		'quality'      => sanitize_key( $result['models'][ $output ]['quality'] ?? '' ),
	);
}

// The service.

/** The status, the decoded body and the seconds of Retry-After of an answer, or a WP_Error without one. */
function call( string $path, int $limit_s, ?array $article = null, array $headers = array() ) {
	$settings = settings();
	if ( '' === $settings['url'] ) {
		return failure( 503, 'not_set_up', __( 'The address of the service is missing: Settings → Depesche.', 'depesche' ) );
	}
	$headers += array(
		'Content-Type' => 'application/json',
		'Accept'       => 'application/json',
	);
	if ( WORK_S === $limit_s ) { // so that the service, not the transport, gives up first
		$headers['Request-Timeout-Ms'] = (string) ( 1000 * ( WORK_S - 5 ) );
	}
	if ( '' !== $settings['key'] ) {
		$headers['Authorization'] = 'Bearer ' . $settings['key'];
	}
	$sent = array( 'headers' => $headers, 'timeout' => $limit_s, 'redirection' => 0, 'method' => 'GET' );
	if ( null !== $article ) {
		$sent = array( 'method' => 'POST', 'body' => wp_json_encode( $article ) ) + $sent;
	}
	$answer = wp_remote_request( $settings['url'] . $path, $sent );
	if ( is_wp_error( $answer ) ) {
		return failure( 502, 'unreachable', __( 'The service cannot be reached.', 'depesche' ) );
	}
	$body = json_decode( wp_remote_retrieve_body( $answer ), true );
	return array(
		'status'      => (int) wp_remote_retrieve_response_code( $answer ),
		'body'        => is_array( $body ) ? $body : array(),
		'retry_after' => max( 1, (int) wp_remote_retrieve_header( $answer, 'retry-after' ) ),
	);
}

/** The failure of a call as a WP_Error, or null. */
function failure_of( $answer ): ?WP_Error {
	if ( is_wp_error( $answer ) ) {
		return $answer;
	}
	$good = in_array( $answer['status'], array( 200, 202 ), true );
	return $good ? null : problem( $answer['status'], $answer['body'], $answer['retry_after'] );
}

function not_understood(): WP_Error {
	return failure( 502, 'not_understood', __( 'The answer is not that of a Depesche service.', 'depesche' ) );
}

/** A problem (RFC 9457) of the service as a WP_Error with a message for the editor. */
function problem( int $status, array $body, int $wait_s ): WP_Error {
	$code = sanitize_key( $body['code'] ?? 'http_' . $status );
	if ( in_array( $status, array( 401, 403 ), true ) ) {
		// Not handed on as 401 or 403: the editor would take it for the end of its own session.
		return failure( 502, $code, __( 'The service refuses the key: Settings → Depesche.', 'depesche' ) );
	}
	if ( in_array( $status, array( 429, 503 ), true ) ) {
		/* translators: %d: seconds */
		return failure( $status, $code, sprintf( __( 'The service is busy. Please try again in %d seconds.', 'depesche' ), max( 1, $wait_s ) ) );
	}
	$detail = plain( $body['detail'] ?? '' );
	foreach ( $body['errors'] ?? array() as $error ) {
		$detail .= sprintf( ' [%s: %s]', plain( $error['pointer'] ?? '' ), plain( $error['detail'] ?? '' ) );
	}
	/* translators: 1: HTTP status, 2: what the service says */
	return failure( $status >= 400 ? $status : 502, $code, sprintf( __( 'The service answers %1$d: %2$s', 'depesche' ), $status, $detail ) );
}

function failure( int $status, string $code, string $message ): WP_Error {
	return new WP_Error( 'depesche_' . $code, $message, array( 'status' => $status ) );
}

// The panel in the block editor.

function enqueue_panel(): void {
	$screen = get_current_screen();
	if ( ! $screen || 'post' !== $screen->base ) {
		return;
	}
	$needs = array( 'wp-api-fetch', 'wp-components', 'wp-data', 'wp-edit-post', 'wp-editor', 'wp-element', 'wp-i18n', 'wp-plugins' );
	wp_enqueue_script( 'depesche-panel', plugins_url( 'panel.js', __FILE__ ), $needs, '0.2.0', true );
	if ( is_german() ) {
		$texts = array_map( static fn( $text ) => array( $text ), german() );
		wp_add_inline_script( 'depesche-panel', 'wp.i18n.setLocaleData( ' . wp_json_encode( $texts ) . ', "depesche" );', 'before' );
	}
}

// German texts, for PHP and for the panel. A file per language would need the tools of WordPress to build it.

function is_german(): bool {
	return 0 === strpos( determine_locale(), 'de' );
}

function translated( string $translation, string $text ): string {
	return is_german() ? ( german()[ $text ] ?? $translation ) : $translation;
}

function german(): array {
	return array(
		'Address'                                     => 'Adresse',
		'Key'                                         => 'Schlüssel',
		'The address has to be like https://depesche.example' => 'Die Adresse muss aussehen wie https://depesche.example',
		'stored; empty keeps it'                      => 'gespeichert; leer lassen behält ihn',
		'none'                                        => 'keiner',
		'Forget the stored key'                       => 'Gespeicherten Schlüssel löschen',
		'Machine translation, not reviewed'           => 'Maschinelle Übersetzung, nicht geprüft',
		'You may not create such posts.'              => 'Sie dürfen solche Beiträge nicht anlegen.',
		'The article was not finished in time.'       => 'Der Artikel wurde nicht rechtzeitig fertig.',
		'The service has lost the task. Please start it again.' => 'Der Dienst hat den Auftrag verloren. Bitte noch einmal starten.',
		'The address of the service is missing: Settings → Depesche.' => 'Die Adresse des Dienstes fehlt: Einstellungen → Depesche.',
		'The service cannot be reached.'              => 'Der Dienst ist nicht erreichbar.',
		'The answer is not that of a Depesche service.' => 'Die Antwort stammt nicht von einem Depesche-Dienst.',
		'The service refuses the key: Settings → Depesche.' => 'Der Dienst nimmt den Schlüssel nicht an: Einstellungen → Depesche.',
		'The service is busy. Please try again in %d seconds.' => 'Der Dienst ist ausgelastet. Bitte in %d Sekunden noch einmal versuchen.',
		'The service answers %1$d: %2$s'              => 'Der Dienst antwortet mit %1$d: %2$s',
		'Made by starter models: not for publication.' => 'Von den kleinsten Modellen erzeugt: nicht veröffentlichen.',
		'A draft: compare every sentence with the original.' => 'Ein Entwurf: bitte jeden Satz mit dem Original vergleichen.',
		'To be checked before publication.'           => 'Vor der Veröffentlichung prüfen.',
		'Teaser'                                      => 'Teaser',
		'English version'                             => 'Englische Fassung',
		'It replaces this excerpt:'                   => 'Er ersetzt diesen Textauszug:',
		'Use as excerpt'                              => 'Als Textauszug übernehmen',
		'Discard'                                     => 'Verwerfen',
		'Machine translation of this post:'           => 'Maschinelle Übersetzung dieses Beitrags:',
		'Open the original'                           => 'Original öffnen',
		'A person has reviewed it'                    => 'Von einem Menschen geprüft',
		'That did not work.'                          => 'Das hat nicht geklappt.',
		'In progress. You can go on writing and saving.' => 'In Arbeit. Sie können weiter schreiben und speichern.',
		'Open the English version'                    => 'Englische Fassung öffnen',
		'The English version is stored as a draft.'   => 'Die englische Fassung ist als Entwurf gespeichert.',
	);
}
